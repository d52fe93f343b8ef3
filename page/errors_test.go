package page_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hone-ml/hone/internal/browser"
)

// TestErrorsInChinese uploads files that can't be used and reads in Chinese what is wrong with each, where, and what to do.
func TestErrorsInChinese(t *testing.T) {
	s := serve(t, false)
	b := browser.Open(t, s.URL, "zh", 1280, 900)
	b.SeeText("zone.large")
	english := regexp.MustCompile(`[a-z]{2,} [a-z]{2,} [a-z]{2,}`)
	for _, c := range []struct{ name, content, want string }{
		{"cut.jsonl", `{"text": "a", "label": "x"}` + "\n" + `{"text": "b"`, `cut.jsonl 第 2 行 遇到结尾，对象中这里应是 , 或 }`},
		{"kinds.jsonl", `{"text": "a", "label": "x"}` + "\n" + `{"text": 5, "label": "x"}`, `列 text：遇到数字 5，而 kinds.jsonl:1 是字符串；一列的每一行必须是同一类型`},
		{"text.jsonl", `{"text": "a", "n": 1}` + "\n" + `{"text": "b", "n": "无"}`, "列 n：遇到字符串“无”，而 text.jsonl:1 是整数"},
		{"two.jsonl", `{"text": "a"}{"text": "b"}`, "每行只写一个对象"},
		{"gbk.csv", "text,label\n\xc4\xe3\xba\xc3,x\n", "不是 UTF-8：请把文件另存为 UTF-8（很可能现在是 GBK 编码）"},
		{"utf16.csv", "\xff\xfea\x00,\x00", "utf16.csv 是 UTF-16 编码"},
		{"cells.csv", "text,label\na\n", "有 1 个单元格，而表头有 2 列；含有 ',' 或换行的单元格要加双引号"},
		{"table.xlsx", "PK\x03\x04", "Excel 表格请另存为“CSV UTF-8”"},
		{"head.csv", "text,label\n", "没有任何一行数据，无从训练"},
		{"numbers.csv", "a,b\n1,2\n", "看不出该训练什么：a (int64), b (int64)；请指明文本列，以及标签列或提示列和补全列"},
		{"roles.jsonl", `{"messages": [{"role": "boss", "content": "x"}]}`, "列 messages：第 1 条消息：不认识的 role“boss”；应为 system、user、assistant 或 tool"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		b.Upload(path)
		alert := `document.querySelector(".note.bad")?.innerText.split(/\s*\n\s*/).slice(0, 2).join(" ")`
		b.Wait(alert + `?.startsWith("` + c.name + `")`)
		if got := browser.JS[string](b, alert); !strings.Contains(got, c.want) || english.MatchString(got) {
			t.Errorf("%s: %q, expected %q", c.name, got, c.want)
		}
	}
	b.Shoot("errors-zh")

	// Others need a large file, a full disk or a busy server.
	browser.JS[string](b, `import("/said.js").then((m) => window.said = m.said), ""`)
	b.Wait("window.said")
	for message, want := range map[string]string{
		"the file is larger than 512 MB, the most that this server takes":                                                                                                           "文件超过 512 MB，这是此服务器接受的上限",
		"the request has more than 1073741824 bytes":                                                                                                                                "请求超过了 1.0 GiB 的上限",
		"page: big.jsonl: more than 1024 MiB; hone data check reads files of any size":                                                                                              "big.jsonl 超过 1024 MiB；任意大小的文件都可用 hone data check 检查",
		"the server has not enough disk space for this; delete files and jobs, or try again later":                                                                                  "服务器磁盘空间不足：请删除一些文件和任务，或稍后再试",
		"8 jobs wait already, which is the most; try again when one is over":                                                                                                        "已有 8 个任务在等待，达到上限；请等一个结束后再试",
		"256 requests are in work or waiting already: try again soon":                                                                                                               "已有 256 个请求在处理或等待：请稍后再试",
		`model: ft:gpt2::a has no chat template, so that it can't chat: use /v1/completions, or a model that was trained on chats`:                                                  "ft:gpt2::a 没有对话模板，不能对话：请改用续写，或用对话数据训练过的模型",
		`hone: dataset: train.jsonl:3:5: byte 0xC4 is not UTF-8; save the file as UTF-8`:                                                                                            "train.jsonl 第 3 行：字节 0xC4 不是 UTF-8：请把文件另存为 UTF-8（很可能现在是 GBK 编码）",
		"train: step 40 can't be saved: not enough disk space for a: 9 MB needed, 3 MB free in /data; free 6 MB or choose a folder on another disk; there is no earlier checkpoint": "第 40 步无法保存：磁盘空间不足：a 需要 9 MB，/data 只剩 3 MB；请再腾出 6 MB，或改用另一磁盘上的文件夹；此前没有检查点",
		"something that nobody thought of":                                                                                                                                          "something that nobody thought of",
	} {
		quoted, _ := json.Marshal(message)
		if got := browser.JS[string](b, "said("+string(quoted)+")"); got != want {
			t.Errorf("%q\n is %q\nnot %q", message, got, want)
		}
	}

	s.Close()
	b.GoTo("#/runs")
	b.SeeText("wrong.server")
}
