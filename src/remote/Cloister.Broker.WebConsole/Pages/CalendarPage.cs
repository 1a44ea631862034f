using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>Something that has a day.</summary>
/// <param name="At">When.</param>
/// <param name="Kind">certificate, collateral, key, request.</param>
/// <param name="What">What happens.</param>
/// <param name="ToDo">What to do about it.</param>
public sealed record CalendarItem(DateTimeOffset At, string Kind, string What, string ToDo);

/// <summary>The page of what has a day, by months.</summary>
public sealed record CalendarModel(IReadOnlyList<CalendarItem> Items, bool KnowsCollateral);

/// <summary>When certificates of administrators, collateral, keys and requests end.</summary>
internal sealed class CalendarPage(AdministrationServices services)
{
    private readonly KekActs _keks = new(services);
    private readonly AccessActs _access = new(services);

    internal void Map(ConsoleRoutes routes) => routes.Page<Calendar>("/calendar", LoadAsync);

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        DateTimeOffset now = services.Time.GetUtcNow();
        IReadOnlyDictionary<string, DateTimeOffset> keys = await services.State.ListAdministratorKeysAsync(call.Aborted);
        CalendarItem[] items =
        [
            .. services.Administrators.Keys.Where(one => keys.ContainsKey(one.Key)).Select(one => new CalendarItem(
                keys[one.Key], "certificate", $"key of {one.Value.Name} ends ({one.Key})", "cloister admin keygen, and the new pin into the configuration")),
            .. (services.Forecaster.LastCollateral?.Items ?? []).Select(one => new CalendarItem(
                one.EndsAt, "collateral", $"{one.Item} of {one.Model}{(one.Early ? " (early)" : "")} ends, from {one.Source}", one.Early ? "" : "cloister collateral fetch")),
            .. (await _keks.ListAsync(null, call.Aborted)).SelectMany(kek => Keys(kek, now)),
            .. (await _access.RequestsAsync(call.Aborted)).Select(one => new CalendarItem(one.ExpiresAt, "request", $"{one.Act}, asked by {one.By}, cannot be approved any more", "approve, or ask anew")),
        ];
        return new CalendarModel([.. items.OrderBy(one => one.At)], services.Forecaster.LastCollateral is not null);
    }

    private static IEnumerable<CalendarItem> Keys(KekSummary kek, DateTimeOffset now) => kek.Versions.SelectMany(version => (CalendarItem[])
    [
        .. version.State == "destroyScheduled" && version.DestroyAt is { } at
            ? (CalendarItem[])[new CalendarItem(at, "key", $"KEK {kek.Name} version {version.Version} is destroyed", "cloister kek cancel-destroy, if it is still needed")]
            : [],
        .. version.ActiveAt > now ? (CalendarItem[])[new CalendarItem(version.ActiveAt, "key", $"writes begin to use KEK {kek.Name} version {version.Version}", "")] : [],
    ]);
}
