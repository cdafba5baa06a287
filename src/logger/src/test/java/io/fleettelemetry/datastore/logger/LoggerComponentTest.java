package io.fleettelemetry.datastore.logger;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Dictionary;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationException;
import org.osgi.service.cm.ManagedService;

class LoggerComponentTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private ManagedService configuration;
    private Producer offered;
    private Dictionary<?, ?> properties;
    private boolean registered;
    private final LogLines log = new LogLines();
    private LoggerComponent component;

    @AfterEach
    void close() {
        component.close();
        assertFalse(registered);
        assertFalse(
                Thread.getAllStackTraces().keySet().stream()
                        .anyMatch(thread -> thread.getName().startsWith("logger")),
                "no thread is left");
    }

    @Test
    void the_service_says_its_datastore_and_none_of_its_configuration() {
        component = new LoggerComponent(context());
        configure(Map.of("verbose", "true"));
        assertTrue(registered);
        assertEquals("logger", properties.get("telemetry.datastore"));
        assertEquals(1, properties.size());
        assertEquals("true", verbose());
    }

    @Test
    void a_changed_configuration_works_at_once_in_the_same_service() {
        component = new LoggerComponent(context());
        configure(Map.of());
        assertEquals("false", verbose());
        configure(Map.of("verbose", true));
        assertEquals("true", verbose());
        configure(Map.of());
        assertEquals("false", verbose());
    }

    @Test
    void a_wrong_value_changes_nothing_but_the_status() {
        component = new LoggerComponent(context());
        configure(Map.of("verbose", "true"));
        configure(Map.of("verbose", "maybe"));
        assertEquals("true", verbose());
        assertEquals(Status.State.WARN, offered.status().state());
        configure(Map.of("verbose", "false"));
        assertEquals(Status.State.OK, offered.status().state());
    }

    @Test
    void a_refused_setting_is_logged_once_however_often_it_comes() {
        component = new LoggerComponent(context(), log.logger);
        configure(Map.of("verbose", "maybe"));
        configure(Map.of("verbose", "maybe"));
        configure(Map.of("verbose", "a\u001b[2J\n"));
        assertEquals(
                List.of(
                        "ERROR logger_configuration_refused {\"error\":\"verbose = maybe: must be true or false\"}",
                        "ERROR logger_configuration_refused {\"error\":\"verbose = a?[2J: must be true or false\"}"),
                log.all());
    }

    @Test
    void a_wrong_value_from_the_start_leaves_the_defaults() {
        component = new LoggerComponent(context());
        configure(Map.of("verbose", "maybe"));
        assertTrue(registered);
        assertEquals("false", verbose());
        assertEquals(Status.State.WARN, offered.status().state());
    }

    @Test
    void a_mistyped_key_is_named_once_however_often_it_comes() {
        component = new LoggerComponent(context(), log.logger);
        configure(Map.of("verbos", "true", "service.pid", "any"));
        configure(Map.of("verbos", "true"));
        String line =
                "WARN logger_unknown_setting {\"key\":\"verbos\",\"error\":\"there is no such key; it has no effect\"}";
        assertEquals(List.of(line), log.all());
        configure(Map.of("verbose", "true"));
        configure(Map.of("verbose", "maybe", "verbos", "true"));
        assertEquals(line, log.all().get(1), "it is named even if something else is wrong");
    }

    @Test
    void it_is_offered_when_its_configuration_is_known_and_no_sooner() {
        component = new LoggerComponent(context());
        assertFalse(registered);
        configure(null);
        assertTrue(registered, "that there is none is known at once");
        assertEquals("false", verbose());
    }

    @Test
    void a_file_that_is_emptied_and_stays_so_means_the_defaults() {
        component = new LoggerComponent(context());
        configure(Map.of("verbose", "true"));
        configure(Map.of("felix.fileinstall.filename", "file:logger.cfg"));
        assertEquals("true", verbose(), "not at once: an editor may be writing it");
        await().atMost(SOON).until(() -> verbose().equals("false"));
        assertEquals(Status.State.OK, offered.status().state());
    }

    @Test
    void when_it_ends_the_service_is_gone_and_closed() {
        component = new LoggerComponent(context());
        configure(Map.of());
        component.close();
        assertFalse(registered);
        assertEquals(Status.State.CRITICAL, offered.status().state());
    }

    private void configure(Map<String, ?> values) {
        try {
            configuration.updated(values == null ? null : FrameworkUtil.asDictionary(values));
        } catch (ConfigurationException e) {
            throw new AssertionError(e);
        }
    }

    private String verbose() {
        return offered.status().details().get("verbose");
    }

    /** As much of a framework as the component asks for. */
    private BundleContext context() {
        ServiceRegistration<?> registration = proxy(ServiceRegistration.class, arguments -> {
            registered = false;
            return null;
        });
        return proxy(BundleContext.class, arguments -> {
            if (arguments[1] instanceof ManagedService service) {
                configuration = service;
                return registration;
            }
            offered = (Producer) arguments[1];
            properties = (Dictionary<?, ?>) arguments[2];
            registered = true;
            return registration;
        });
    }

    private interface Call {
        Object answer(Object[] arguments);
    }

    private static <T> T proxy(Class<T> type, Call call) {
        return type.cast(Proxy.newProxyInstance(
                LoggerComponentTest.class.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> call.answer(arguments)));
    }
}
