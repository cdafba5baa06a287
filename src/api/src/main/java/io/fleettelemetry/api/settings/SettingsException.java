package io.fleettelemetry.api.settings;

import java.util.List;

/** Settings that were refused. The message joins the problems; no secret is in it. */
public final class SettingsException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    SettingsException(List<String> problems) {
        super(String.join("; ", problems));
        this.problems = List.copyOf(problems);
    }

    /** One sentence for each problem: the key, the value and the reason. */
    public List<String> problems() {
        return problems;
    }
}
