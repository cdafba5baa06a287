package io.fleettelemetry.api.settings;

import java.util.List;

/** Settings were refused. The message joins the problems and contains no secrets. */
public final class SettingsException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    SettingsException(List<String> problems) {
        super(String.join("; ", problems));
        this.problems = List.copyOf(problems);
    }

    /** One sentence for each problem, with the key, the value and the reason. */
    public List<String> problems() {
        return problems;
    }
}
