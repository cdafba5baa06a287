package io.fleettelemetry.datastore.nats.osgi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.launch.Framework;

/** In which order a process ends, and how long it is held up. */
class HaltTest {

    private static final Duration NONE = Duration.ZERO;
    private static final Duration SHORT = Duration.ofMillis(200);

    /** What was done, in its order. */
    private final List<String> steps = new ArrayList<>();

    /** A framework that stops in no time, or never if the state is another one. */
    private Framework framework(int stateAfterwards) {
        return (Framework) Proxy.newProxyInstance(
                HaltTest.class.getClassLoader(), new Class<?>[] {Framework.class}, (proxy, method, arguments) -> {
                    steps.add(method.getName());
                    if (method.getName().equals("waitForStop") && stateAfterwards >= Bundle.STARTING) {
                        Thread.sleep((long) arguments[0]);
                    }
                    return method.getName().equals("getState") ? stateAfterwards : null;
                });
    }

    private Duration run(Framework framework, Halt.Limits limits) {
        long begin = System.nanoTime();
        new Halt("nats", framework, limits, () -> steps.add("exit")).run();
        return Duration.ofNanos(System.nanoTime() - begin);
    }

    @Test
    void a_bundle_that_does_not_stop_holds_it_up_for_a_while_only() {
        Duration taken = run(framework(Bundle.STOPPING), new Halt.Limits(NONE, SHORT, Duration.ofHours(1)));
        assertEquals(List.of("stop", "waitForStop", "getState", "exit"), steps);
        assertTrue(taken.compareTo(SHORT) >= 0, "it was waited for: " + taken);
    }

    @Test
    void reports_have_time_to_go_out_and_the_launcher_to_end_the_process_by_itself() {
        Duration taken = run(framework(Bundle.RESOLVED), new Halt.Limits(SHORT, Duration.ofHours(1), SHORT));
        assertEquals(List.of("stop", "waitForStop", "getState", "exit"), steps);
        assertTrue(taken.compareTo(SHORT.multipliedBy(2)) >= 0, "both were waited for: " + taken);
    }

    @Test
    void a_framework_that_cannot_be_stopped_does_not_keep_the_process() {
        Framework broken = (Framework) Proxy.newProxyInstance(
                HaltTest.class.getClassLoader(), new Class<?>[] {Framework.class}, (proxy, method, arguments) -> {
                    throw new BundleException("by the test");
                });
        run(broken, new Halt.Limits(NONE, Duration.ofHours(1), Duration.ofHours(1)));
        assertEquals(List.of("exit"), steps);
    }

    @Test
    void it_takes_27_seconds_and_what_draining_may_take_at_the_most() {
        Halt.Limits limits = Halt.Limits.of(Duration.ofSeconds(10));
        assertEquals(
                Duration.ofSeconds(27 + 10),
                limits.reports().plus(limits.stop()).plus(limits.launcher()));
    }
}
