package io.fleettelemetry.features;

import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** statements.txt, line by line: what was promised is proven by tests that are there. */
class StatementsIT {

    private static final Pattern CLASS = Pattern.compile("(?m)^(?:public |final )*class (\\w+)");
    private static final Pattern TEST = Pattern.compile("(?m)^    void (\\w+)\\(");

    private static final Pattern PAGE = Pattern.compile("[\\w/-]+\\.md\\b");

    /** What stands below each statement. */
    private static Map<String, List<String>> statements() {
        Map<String, List<String>> statements = new LinkedHashMap<>();
        List<String> proofs = List.of();
        for (String line : Sources.read("features/src/test/resources/statements.txt")
                .lines()
                .toList()) {
            if (line.startsWith("    ")) {
                proofs.add(line.strip());
            } else if (!line.isBlank() && !line.startsWith("#")) {
                proofs = new ArrayList<>();
                statements.put(line, proofs);
            }
        }
        return statements;
    }

    /** As {@code Class.method}. */
    private static Set<String> tests() {
        return Sources.tests().stream()
                .flatMap(text -> CLASS.matcher(text)
                        .results()
                        .limit(1)
                        .flatMap(type -> TEST.matcher(text).results().map(test -> type.group(1) + "." + test.group(1))))
                .collect(toSet());
    }

    @Test
    void every_statement_is_proven_by_tests_that_are_there() {
        Set<String> tests = tests();
        List<String> missing = new ArrayList<>();
        statements().forEach((statement, proofs) -> {
            assertTrue(!proofs.isEmpty(), "nothing proves: " + statement);
            proofs.stream()
                    .filter(proof -> !proof.startsWith("(") && !tests.contains(proof))
                    .forEach(missing::add);
        });
        assertEquals(List.of(), missing);
    }

    @Test
    void every_page_that_a_statement_names_is_there() {
        Set<String> pages = Readme.read().pages().keySet();
        assertEquals(
                Set.of(),
                PAGE.matcher(String.join("\n", statements().keySet()))
                        .results()
                        .map(MatchResult::group)
                        .filter(page -> !pages.contains(page))
                        .collect(toSet()));
    }

    @Test
    void no_test_is_switched_off() {
        Pattern off = Pattern.compile("(?m)^ *@Disabled.*");
        assertEquals(
                List.of(),
                Sources.tests().stream()
                        .flatMap(text -> off.matcher(text).results())
                        .map(MatchResult::group)
                        .toList());
    }
}
