using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.WebConsole.Pages;
using Microsoft.AspNetCore.Routing;

namespace Cloister.Broker.WebConsole;

/// <summary>The console's pages (docs/console.md), for the listener of administration: whoever is no administrator there gets none of them.</summary>
public static class WebConsoleEndpoints
{
    /// <summary>What every path of it begins with.</summary>
    public const string Prefix = "/console";

    /// <summary>Maps every page, for administrators with certificates.</summary>
    public static void Map(IEndpointRouteBuilder endpoints, AdministrationServices services) =>
        Map(new ConsoleRoutes(endpoints, services, new CertificateHolders(services)), services);

    /// <summary>The same where who calls is known otherwise.</summary>
    internal static void Map(ConsoleRoutes routes, AdministrationServices services)
    {
        new OverviewPage(services).Map(routes);
        new FleetPage(services).Map(routes);
        new KeysPage(services).Map(routes);
        new PoliciesPage(services).Map(routes);
        new ForecastPage(services).Map(routes);
        new RevocationsPage(services).Map(routes);
        new ApprovalsPage(services).Map(routes);
        new CalendarPage(services).Map(routes);
        new AuditPage(services).Map(routes);
        routes.Asset("/console.css", "text/css; charset=utf-8");
        routes.Asset("/icon.svg", "image/svg+xml");
        routes.Otherwise();
    }
}
