package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.host.TelemetryHost;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.cm.ManagedService;

class HostComponentTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final HostComponent component = new HostComponent();
    private final LogLines log = new LogLines();

    private ManagedService configuration;
    private boolean offered;

    @BeforeEach
    void activate() throws Exception {
        component.admin = proxy(ConfigurationAdmin.class, arguments -> null);
        component.activate(context());
        configure(Map.of("records.V", "nats"));
    }

    @AfterEach
    void deactivate() {
        component.deactivate();
        log.close();
    }

    private void configure(Map<String, ?> properties) throws Exception {
        configuration.updated(properties == null ? null : FrameworkUtil.asDictionary(properties));
    }

    /** A framework that has no services, and takes ours. */
    private BundleContext context() {
        ServiceRegistration<?> registration = proxy(ServiceRegistration.class, arguments -> null);
        return proxy(BundleContext.class, arguments -> {
            if (arguments != null && arguments.length == 3) {
                if (arguments[1] instanceof ManagedService service) {
                    configuration = service;
                }
                offered |= arguments[0] == TelemetryHost.class;
                return registration;
            }
            return null;
        });
    }

    private interface Call {
        Object answer(Object[] arguments);
    }

    private static <T> T proxy(Class<T> type, Call call) {
        return type.cast(Proxy.newProxyInstance(
                HostComponentTest.class.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> call.answer(arguments)));
    }

    private long withoutRoutes() {
        return log.of("host_configured").stream()
                .filter(line -> line.contains(" records={} "))
                .count();
    }

    private List<String> unknown() {
        return log.of("host_unknown_setting").stream()
                .map(line -> line.split(" ")[1])
                .toList();
    }

    @Test
    void a_mistyped_key_that_is_the_only_change_is_named_once_however_often_it_is_delivered() throws Exception {
        configure(Map.of("records.V", "nats", "hold.max", "1"));
        configure(Map.of("records.V", "nats", "hold.max", "1"));
        assertEquals(List.of("key=hold.max"), unknown());
        configure(Map.of("records.V", "nats"));
        configure(Map.of("records.V", "nats", "hold.max", "1"));
        assertEquals(List.of("key=hold.max", "key=hold.max"), unknown());
    }

    @Test
    void a_file_that_is_emptied_and_stays_so_means_no_routes_and_one_that_is_deleted_does_too() throws Exception {
        configure(Map.of("service.pid", "io.fleettelemetry.host", "felix.fileinstall.filename", "file:host.cfg"));
        assertEquals(0, withoutRoutes(), "not at once: an editor may be writing it");
        await().atMost(SOON).until(() -> withoutRoutes() == 1);
        configure(Map.of("records.V", "nats"));
        configure(null);
        assertEquals(1, withoutRoutes());
        await().atMost(SOON).until(() -> withoutRoutes() == 2);
        assertEquals(List.of(), log.of("host_configuration_refused"));
    }

    @Test
    void the_host_is_offered_when_its_configuration_is_known_and_no_sooner() throws Exception {
        HostComponent another = new HostComponent();
        another.admin = proxy(ConfigurationAdmin.class, arguments -> null);
        offered = false;
        another.activate(context());
        assertFalse(offered);
        configure(null);
        assertTrue(offered, "that there is none is known at once");
        another.deactivate();
    }

    @Test
    void a_mistyped_key_is_named_beside_a_value_that_is_refused() throws Exception {
        configure(Map.of("record.V", "nats", "reliable_ack_sources.V", "nats"));
        assertEquals(List.of("key=record.V"), unknown());
        assertEquals(1, log.of("host_configuration_refused").size());
    }
}
