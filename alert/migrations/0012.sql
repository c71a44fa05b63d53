-- What could not be seen at the time of an alert is found by the detectors that report it.
CREATE INDEX change_detector ON change (detector, seq);
