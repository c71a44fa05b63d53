package feed

import (
	"net/http"

	"github.com/outflow/outflow/alert/report"
)

// digestView is the data of the page of a digest.
type digestView struct {
	frame
	*report.Digest
	Bars []trendBar
}

// trendBar is a week of the chart, in its coordinates.
type trendBar struct {
	report.Week
	Label       string // W20
	X, Y        int
	Height      int
	Middle, Top int // where the number is
	Now         bool
}

// The chart of the trend is 1,200 units wide: trendStep for each week.
const (
	trendStep  = 100
	trendBase  = 230 // y of the axis
	trendSpace = 190 // height of the highest bar
)

// trendBars returns the weeks as bars.
func trendBars(d *report.Digest) (list []trendBar) {
	most := max(d.MostOfWeek(), 1)
	for i, w := range d.Trend {
		h := trendSpace * w.Alerts / most
		list = append(list, trendBar{
			Week: w, Label: w.Week[len(w.Week)-3:], X: trendStep*i + 10, Y: trendBase - h, Height: h,
			Middle: trendStep*i + trendStep/2, Top: trendBase - h - 8, Now: i == len(d.Trend)-1,
		})
	}
	return list
}

// digestPage serves the digest of a week, with what its mail says.
func (s *Server) digestPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	week := r.URL.Query().Get("week")
	if week != "" {
		if _, err := report.ParseWeek(week); err != nil {
			return refuse(http.StatusBadRequest, "%v", err)
		}
	}
	d, err := s.Digest(r.Context(), week)
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "read the digest of "+d.Week); err != nil {
		return err
	}
	d.Mask(who.mask)
	v := &digestView{frame: frame{Title: "Week " + d.Week, Who: who.Token, At: "/digest"}, Digest: d, Bars: trendBars(d)}
	return s.render(w, http.StatusOK, "digest.html", v)
}
