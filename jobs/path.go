package jobs

// Path returns where an uploaded file lies, and the name that it was uploaded under.
func (m *Manager) Path(id string) (path, name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.findFile("file_id", id)
	if err != nil {
		return "", "", err
	}
	return m.content(f), f.Filename, nil
}
