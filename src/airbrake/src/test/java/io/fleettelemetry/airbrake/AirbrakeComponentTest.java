package io.fleettelemetry.airbrake;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.testkit.AirbrakeServer;
import io.fleettelemetry.testkit.CapturedLog;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.framework.Version;
import org.osgi.service.cm.ConfigurationException;
import org.osgi.service.cm.ManagedService;

class AirbrakeComponentTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String KEY = "0123456789abcdef";

    private final AirbrakeServer airbrake = AirbrakeServer.start();
    private final CapturedLog log = new CapturedLog();
    private AirbrakeComponent component;
    private ManagedService source;
    private ErrorReporter offered;
    private Object properties;

    @AfterEach
    void close() {
        component.deactivate();
        assertNull(offered, "no service is left");
        assertFalse(threads(), "no thread is left");
        airbrake.close();
        log.close();
        assertFalse(log.text().contains(KEY), log.text());
    }

    private void activate(Map<String, ?> configuration) {
        activate(configuration, Map.of());
    }

    private void activate(Map<String, ?> configuration, Map<String, String> variables) {
        component = new AirbrakeComponent(context(), variables);
        configure(configuration);
    }

    private void configure(Map<String, ?> configuration) {
        try {
            source.updated(configuration == null ? null : FrameworkUtil.asDictionary(configuration));
        } catch (ConfigurationException e) {
            throw new AssertionError(e);
        }
    }

    private Map<String, String> project(int id) {
        return Map.of("host", airbrake.url(), "project_id", Integer.toString(id), ".project_key", KEY);
    }

    private static boolean threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("airbrake"));
    }

    private String path() throws InterruptedException {
        offered.report("nats_err", null, Map.of());
        return airbrake.take(SOON).path();
    }

    @Test
    void without_a_project_there_is_no_service_and_no_thread() {
        activate(Map.of("host", airbrake.url()));
        assertNull(offered);
        assertFalse(threads());
        assertEquals("", log.text());
    }

    @Test
    void with_a_project_there_is_a_service_that_shows_nothing_of_its_configuration() throws Exception {
        activate(project(1));
        assertNull(properties);
        assertEquals("/api/v3/projects/1/notices", path());
        assertTrue(
                log.text()
                        .contains("airbrake_configured host=" + airbrake.url()
                                + " project_id=1 environment=\"\" source=config_file"),
                log.text());
    }

    @Test
    void the_key_of_the_environment_is_used_in_place_of_the_configured_one() throws Exception {
        activate(project(1), Map.of("AIRBRAKE_PROJECT_KEY", "of-the-environment"));
        offered.report("nats_err", null, Map.of());
        assertEquals("Bearer of-the-environment", airbrake.take(SOON).headers().get("Authorization"));
        assertTrue(log.text().contains("source=environment_variable"), log.text());
        assertFalse(log.text().contains("of-the-environment"), log.text());
    }

    @Test
    void a_changed_configuration_works_at_once_in_the_same_service() throws Exception {
        activate(project(1));
        ErrorReporter before = offered;
        configure(project(1));
        assertEquals(1, log.count("airbrake_configured"), "the same again is no change");
        configure(project(2));
        assertSame(before, offered);
        assertEquals("/api/v3/projects/2/notices", path());
    }

    @Test
    void it_can_be_switched_off_and_on() throws Exception {
        activate(project(1));
        configure(Map.of());
        assertNull(offered);
        assertFalse(threads());
        assertEquals(1, log.count("airbrake_off"));
        configure(project(3));
        assertEquals("/api/v3/projects/3/notices", path());
    }

    @Test
    void a_file_that_is_empty_for_a_moment_does_not_switch_it_off_and_one_that_stays_so_does() {
        activate(project(1));
        Map<String, String> empty = Map.of("felix.fileinstall.filename", "file:airbrake.cfg");
        configure(empty);
        configure(project(1));
        assertEquals(0, log.count("airbrake_off"));
        configure(empty);
        assertNotNull(offered);
        await().atMost(SOON).until(() -> log.count("airbrake_off") == 1);
        assertNull(offered);
    }

    @Test
    void a_wrong_configuration_is_named_once_and_the_last_good_one_goes_on() throws Exception {
        activate(project(1));
        for (int delivery = 0; delivery < 2; delivery++) {
            configure(Map.of("host", "nowhere", "project_id", "1", ".project_key", KEY));
        }
        assertEquals(1, log.count("airbrake_configuration_refused"), log.text());
        assertTrue(
                log.text()
                        .contains("airbrake_configuration_refused reason=\"host = nowhere: must be a URL such as"
                                + " https://api.airbrake.io\" in_force=\"the last good one: project 1 at "
                                + airbrake.url() + "\""),
                log.text());
        assertEquals("/api/v3/projects/1/notices", path());
    }

    @Test
    void a_configuration_that_is_wrong_from_the_start_is_mended_without_a_restart() throws Exception {
        activate(Map.of("project_id", "1"));
        assertNull(offered);
        assertTrue(log.text().contains("in_force=\"none: nothing is reported\""), log.text());
        configure(project(1));
        assertEquals("/api/v3/projects/1/notices", path());
    }

    @Test
    void a_mistyped_key_is_named() {
        activate(Map.of("project_id", "0", "project_key", KEY, "environment", "x"));
        configure(Map.of("project_id", "1", ".project_key", KEY, "project_key", KEY));
        assertEquals(1, log.count("airbrake_unknown_setting"), log.text());
        assertTrue(log.text().contains("airbrake_unknown_setting key=project_key "), log.text());
    }

    @Test
    void a_mistyped_key_is_named_even_if_all_that_is_right_stays_as_it_was() {
        activate(Map.of("project.id", "5"));
        assertTrue(log.text().contains("airbrake_unknown_setting key=project.id "), log.text());
        configure(project(1));
        Map<String, String> mistyped = new HashMap<>(project(1));
        mistyped.put("enviroment", "production");
        configure(mistyped);
        configure(mistyped);
        assertEquals(1, log.count("airbrake_unknown_setting key=enviroment"), "once however often it comes");
        mistyped.put("host", "nowhere");
        mistyped.put("queue", "5");
        configure(mistyped);
        assertEquals(1, log.count("airbrake_unknown_setting key=queue"), "also if a value is wrong");
    }

    /** As much of a framework as the component asks for. */
    private BundleContext context() {
        Bundle bundle = proxy(Bundle.class, arguments -> new Version(1, 2, 3));
        ServiceRegistration<?> registration = proxy(ServiceRegistration.class, arguments -> {
            offered = null;
            return null;
        });
        return proxy(BundleContext.class, arguments -> {
            if (arguments == null) {
                return bundle;
            }
            if (arguments[1] instanceof ManagedService service) {
                source = service;
                return proxy(ServiceRegistration.class, nothing -> null);
            }
            offered = (ErrorReporter) arguments[1];
            properties = arguments[2];
            return registration;
        });
    }

    private interface Call {
        Object answer(Object[] arguments);
    }

    private static <T> T proxy(Class<T> type, Call call) {
        return type.cast(Proxy.newProxyInstance(
                AirbrakeComponentTest.class.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> call.answer(arguments)));
    }
}
