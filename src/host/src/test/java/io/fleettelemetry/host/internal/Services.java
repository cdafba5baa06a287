package io.fleettelemetry.host.internal;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;

/** As much of a framework as the metrics ask for: services of one kind, seen by whoever comes later. */
final class Services {

    private final Map<ServiceReference<?>, Object> all = new ConcurrentHashMap<>();

    /** What a bundle has of it. */
    final BundleContext context = proxy(BundleContext.class, (proxy, method, arguments) -> switch (method.getName()) {
        case "registerService" -> register(arguments[1]);
        case "createFilter" -> FrameworkUtil.createFilter((String) arguments[0]);
        case "getServiceReferences" -> all.keySet().toArray(ServiceReference[]::new);
        case "getService" -> all.get(arguments[0]);
        case "ungetService" -> true;
        default -> null;
    });

    ServiceRegistration<?> register(Object service) {
        ServiceReference<?> reference =
                proxy(ServiceReference.class, (proxy, method, arguments) -> switch (method.getName()) {
                    case "hashCode" -> System.identityHashCode(proxy);
                    case "compareTo" -> System.identityHashCode(arguments[0]) - System.identityHashCode(proxy);
                    case "equals" -> proxy == arguments[0];
                    default -> null;
                });
        all.put(reference, service);
        return proxy(
                ServiceRegistration.class,
                (proxy, method, arguments) ->
                        method.getName().equals("getReference") ? reference : all.remove(reference));
    }

    int count() {
        return all.size();
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(Services.class.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
