package m365

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// onDevices are the operations of endpoint data loss prevention: what is done to files on a
// Windows or macOS device. They take precedence, since some names are also SharePoint's.
var onDevices = map[string]operation{
	"FileCopiedToRemovableMedia":         {event.DeviceCopy, leaves(event.ChannelRemovable)},
	"FileCreatedOnRemovableMedia":        {event.DeviceCopy, leaves(event.ChannelRemovable)},
	"FileCopiedToNetworkShare":           {event.DeviceCopy, leaves(event.ChannelNetwork)},
	"FileCreatedOnNetworkShare":          {event.DeviceCopy, leaves(event.ChannelNetwork)},
	"FileUploadedToCloud":                {event.DeviceCopy, leaves(event.ChannelWeb)},
	"FileUploadedToAIApp":                {event.DeviceCopy, leaves(event.ChannelWeb)},
	"PasteToBrowser":                     {event.DeviceCopy, leaves(event.ChannelWeb)},
	"TextPastedToBrowser":                {event.DeviceCopy, leaves(event.ChannelWeb)},
	"FilePrinted":                        {event.DeviceCopy, leaves(event.ChannelPrinter)},
	"WebpagePrinted":                     {event.DeviceCopy, leaves(event.ChannelPrinter)},
	"FileCopiedToRemoteDesktopSession":   {event.DeviceCopy, leaves(event.ChannelRemote)},
	"FileTransferredByBluetooth":         {event.DeviceCopy, leaves(event.ChannelBluetooth)},
	"FileTransferredByUnallowedBTApp":    {event.DeviceCopy, leaves(event.ChannelBluetooth)},
	"FileAccessedByUnallowedBTApp":       {event.DeviceCopy, leaves(event.ChannelBluetooth)},
	"FileCopiedToClipboard":              {event.DeviceCopy, leaves(event.ChannelClipboard)},
	"WebpageCopiedToClipboard":           {event.DeviceCopy, leaves(event.ChannelClipboard)},
	"ArchiveCreated":                     {event.Edit, onDevice},
	"FileArchived":                       {event.Edit, onDevice},
	"FileAccessedByUnallowedApp":         {event.View, onDevice},
	"FileRead":                           {event.View, onDevice},
	"FileAccessed":                       {event.View, onDevice},
	"FileCreated":                        {event.Edit, onDevice},
	"FileModified":                       {event.Edit, onDevice},
	"FileRenamed":                        {event.Rename, onDevice},
	"FileMoved":                          {event.Rename, onDevice},
	"FileCopied":                         {event.Edit, onDevice},
	"FileDeleted":                        {event.Edit, onDevice},
	"FileDownloaded":                     {event.Edit, onDevice},
	"FileDownloadedFromBrowser":          {event.Edit, onDevice},
	"FileDownloadedFromEnterpriseDomain": {event.Edit, onDevice},
	"WebpageSavedToLocal":                {event.Edit, onDevice},
	"ScreenCapture":                      {event.View, onDevice},
	"RemovableMediaMount":                {event.CloudRead, onDevice},
	"RemovableMediaUnmount":              {event.CloudRead, onDevice},
}

// leaves is a file that was taken off a device by a channel.
func leaves(channel string) func(*record, *event.Event, *ingest.Sink) {
	return func(r *record, e *event.Event, out *ingest.Sink) {
		onDevice(r, e, out)
		e.Bytes = e.Object.Size
		out.Attr(event.AttrChannel, channel)
		switch channel {
		case event.ChannelWeb:
			if host := hostOf(r.targetDomain, out); host != "" {
				out.To(out.Join("@", host), event.ScopeUnknown)
			}
		case event.ChannelRemovable:
			out.Attr(event.AttrTarget, mediaName(r.removable, out))
		case event.ChannelPrinter:
			out.Attr(event.AttrTarget, r.printer)
		default:
			out.Attr(event.AttrTarget, r.targetPath)
		}
	}
}

// onDevice sets the file, the device and whether a policy let it happen. ObjectId is the path of
// the file.
func onDevice(r *record, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{
		ID: r.objectID, Type: "file", Name: ownPath(r.objectID), Container: r.deviceName, Size: out.Size(r.size),
		Label: e.Object.Label,
	}
	if e.Object.Label == "" {
		e.Object.Label = r.label
	}
	if e.Client.Device == "" {
		e.Client.Device = r.deviceName
	}
	if r.application != "" && r.appName == "" {
		out.Attr(event.AttrAppName, r.application)
	}
	switch r.enforcing { // 1 audit, 2 warn, 3 warn and bypass, 4 block, 5 allow
	case "4", "Block":
		e.Outcome = event.Denied
	case "2", "Warn":
		e.Outcome = event.UnknownOutcome // of a warning that was not bypassed it is not stated what came of it
	}
}

// ownPath is a path without the folder of the user, whose name says nothing about the file.
func ownPath(path string) string {
	for _, users := range []string{`:\Users\`, "/Users/", "/home/"} {
		i := strings.Index(path, users)
		if i < 0 || i > 2 {
			continue
		}
		rest := path[i+len(users):]
		if j := strings.IndexAny(rest, `\/`); j >= 0 && j+1 < len(rest) {
			return rest[j+1:]
		}
	}
	return path
}

// hostOf is the host name in a domain or address.
func hostOf(target string, out *ingest.Sink) string {
	if i := strings.Index(target, "://"); i >= 0 {
		target = target[i+3:]
	}
	if i := strings.IndexAny(target, "/:?#"); i >= 0 {
		target = target[:i]
	}
	if strings.IndexByte(target, '.') < 0 || strings.ContainsAny(target, " @") {
		return ""
	}
	return out.Lower(target)
}

// mediaName names a removable device by its manufacturer, model and serial number.
func mediaName(raw []byte, out *ingest.Sink) string {
	name := ""
	each(raw, func(s *jsonscan.Scanner) {
		var maker, model, serial string
		for s.Next() {
			switch string(s.Key) {
			case "Manufacturer":
				maker = s.Text()
			case "Model":
				model = s.Text()
			case "SerialNumber":
				serial = s.Text()
			default:
				s.Skip()
			}
		}
		name = strings.Join(strings.Fields(maker+" "+model+" "+serial), " ")
	})
	return out.Copy(name)
}
