using Cloister.AdminApi;
using Microsoft.AspNetCore.Routing;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>
/// The broker's administration over HTTPS (docs/broker-administration.md). For a listener that <see cref="AdministrationTls"/> set up; on any other
/// every route answers 401.
/// </summary>
public static class AdministrationEndpoints
{
    /// <summary>Maps every route.</summary>
    public static void Map(IEndpointRouteBuilder endpoints, AdministrationServices services)
    {
        AdminRoutes routes = new(endpoints, new AdministratorRequests(new CertificateHolders(services)));
        new AccessEndpoints(services).Map(routes);
        new KekEndpoints(services).Map(routes);
        new RecoveryEndpoints(services).Map(routes);
        new PolicyEndpoints(services).Map(routes);
        new EnclaveEndpoints(services).Map(routes);
        new ForecastEndpoints(services).Map(routes);
        new AuditEndpoint(services).Map(routes);
        routes.Otherwise(AdminPaths.Prefix + "/{**path}");
    }
}
