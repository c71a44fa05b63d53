package m365

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// mailAccess is mail that was read. A bind opened messages, which the record lists by folder; a
// synchronisation fetched a whole folder, of unknown size. When a mailbox has more than 1,000
// binds in a day, Microsoft stops recording them: what is listed is a lower bound.
func mailAccess(r *record, e *event.Event, out *ingest.Sink) {
	owner := person(r.mailbox, out)
	e.Object = event.Object{Type: "mail", Container: owner, Owner: owner}
	if owner == "" {
		e.Object.Container = r.mailboxGUID
	}
	if r.logonType == "0" || strings.EqualFold(r.logonType, "Owner") {
		e.Object.Owner = e.Actor.Account // also where the mailbox is named by another address of theirs
	}
	if e.Client.Agent == "" {
		e.Client.Agent = r.clientInfo
	}
	sync := r.operation == "FolderBind"
	pairs(r.operationProperties, func(name, value, _ string) {
		switch name {
		case "MailAccessType":
			sync = sync || strings.EqualFold(value, "Sync")
		case "IsThrottled":
			if strings.EqualFold(value, "true") {
				out.Attr(event.AttrThrottled, "true")
			}
		}
	})
	folder := mailFolder(r.mailItem)
	if sync {
		e.Object.Folder, e.Object.Name = true, out.Copy(folder)
		return
	}
	m := mails{out: out}
	m.folders(r.folders)
	count, _ := out.Count(r.count)
	e.Items, e.Bytes = max(count, m.items), m.size()
	e.Object.Name = m.folder
	if e.Object.Name == "" {
		e.Object.Name = out.Copy(folder)
	}
}

// mails sums up the messages that a record lists.
type mails struct {
	out          *ingest.Sink
	items, bytes int64
	unsized      bool   // a message is listed without its size
	folder       string // of the first
}

// size is how many bytes the messages have together; 0 if that is not stated of all.
func (m *mails) size() int64 {
	if m.unsized {
		return 0
	}
	return m.bytes
}

// folders reads Folders: a list, or one of its elements in place of it.
func (m *mails) folders(raw []byte) {
	each(raw, func(s *jsonscan.Scanner) {
		for s.Next() {
			switch string(s.Key) {
			case "Path":
				if path := s.Text(); m.folder == "" {
					m.folder = m.out.Copy(path)
				}
			case "FolderItems":
				each(s.Raw(), m.message)
			default:
				s.Skip()
			}
		}
	})
}

func (m *mails) message(s *jsonscan.Scanner) {
	size := int64(0)
	for s.Next() {
		switch string(s.Key) {
		case "SizeInBytes":
			size = s.Int()
		default:
			s.Skip()
		}
	}
	m.items++
	m.bytes += size
	m.unsized = m.unsized || size <= 0
}

// mailFolder is the path of the folder in Item.
func mailFolder(raw []byte) (path string) {
	each(raw, func(s *jsonscan.Scanner) {
		for s.Next() {
			if string(s.Key) != "ParentFolder" {
				s.Skip()
				continue
			}
			path = s.Field("Path")
		}
	})
	return path
}

// each calls visit for every object of a list, or for an object in place of a list. The list may
// also be a string of JSON.
func each(raw []byte, visit func(s *jsonscan.Scanner)) {
	if raw == nil {
		return
	}
	var s jsonscan.Scanner
	s.Reset(raw)
	switch s.Kind() {
	case '[':
		s.Array()
		for s.Elem() {
			if s.Kind() != '{' {
				s.Skip()
			} else if s.Object() {
				visit(&s)
			}
		}
	case '{':
		if s.Object() {
			visit(&s)
		}
	case '"':
		if text := s.Bytes(); len(text) > 1 && (text[0] == '[' || text[0] == '{') {
			each(append([]byte(nil), text...), visit)
		}
	}
}
