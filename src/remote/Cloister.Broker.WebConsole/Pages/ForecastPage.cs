using Cloister.AdminApi;
using Cloister.Broker.Administration.Endpoints;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>The page of what will be refused.</summary>
/// <param name="Seen">What was seen last; null: nobody has looked yet.</param>
/// <param name="Shown">A part of the enclaves that are not simply accepted.</param>
/// <param name="Total">How many those are.</param>
/// <param name="Outlook">Which outlook is shown; empty: all of those.</param>
/// <param name="Skip">How many are passed over.</param>
/// <param name="Size">How many are shown at most.</param>
public sealed record ForecastModel(FleetForecast? Seen, IReadOnlyList<EnclaveForecast> Shown, long Total, string Outlook, long Skip, int Size)
{
    /// <summary>How many there are of each outlook, TEE, cluster and step.</summary>
    internal IReadOnlyList<(string Outlook, string Cluster, string Tee, string Step, int Count)> Groups =>
    [
        .. (Seen?.Enclaves ?? []).GroupBy(one => (one.Outlook, one.Cluster, one.Tee, Step: one.Outlook == Outlooks.Accepted ? "" : one.Step))
            .Select(group => (group.Key.Outlook, group.Key.Cluster, group.Key.Tee, group.Key.Step, group.Count())),
    ];
}

/// <summary>Who fails the next TCB recovery, and what else will be refused.</summary>
internal sealed class ForecastPage(AdministrationServices services)
{
    private const int PageSize = 50;

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<Forecast>("/forecast", call => Task.FromResult<object>(Model(call)));
        routes.Look<Forecast>("/forecast", async call =>
        {
            await services.Forecaster.LookAsync(call.Aborted);
            return Model(call);
        });
    }

    private ForecastModel Model(ConsoleCall call)
    {
        FleetForecast? seen = services.Forecaster.Last;
        string outlook = call.Query("outlook");
        EnclaveForecast[] concerned = [.. (seen?.Enclaves ?? []).Where(one => outlook.Length == 0 ? one.Outlook != Outlooks.Accepted : one.Outlook == outlook)];
        long skip = Math.Min(call.Number("skip") ?? 0, concerned.Length);
        return new ForecastModel(seen, [.. concerned.Skip((int)skip).Take(PageSize)], concerned.Length, outlook, skip, PageSize);
    }
}
