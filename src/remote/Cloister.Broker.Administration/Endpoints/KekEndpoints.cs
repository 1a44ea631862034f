using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Policies;
using Cloister.Contracts.Keys;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>KEKs and their life.</summary>
internal sealed class KekEndpoints(AdministrationServices services)
{
    // The longest delay that can be taken back: a year.
    private const long MostDelaySeconds = 366L * 24 * 3600;

    private readonly BrokerAdministration _acts = services.Acts;

    internal void Map(AdminRoutes routes)
    {
        const string Kek = AdminPaths.Keks + "/{name}";
        const string Version = Kek + "/versions/{version:int:min(1)}";
        routes.Get(AdminPaths.Keks, async call => await call.AnswerAsync(
            new KekList([.. (await services.State.ListKeksAsync(call.Query("cluster"), call.Aborted)).Select(MessageOf)]), AdminJson.Default.KekList));
        routes.Post(AdminPaths.Keks, CreateAsync);
        routes.Get(Kek, AnswerAsync);
        routes.Put(Kek + "/policy", async call =>
        {
            SetKekPolicyRequest request = await call.ReadAsync(AdminJson.Default.SetKekPolicyRequest);
            (Kek kek, PolicyRecord policy) = await _acts.CheckKekPolicyAsync(call.By, call.Name, request.Policy, CancellationToken.None);
            JsonObject parameters = new()
            {
                ["kek"] = call.Name, ["policy"] = request.Policy, ["digest"] = policy.Digest, ["replaces"] = kek.Record.Policy,
            };
            await RunAsync(call, TwoPersonActs.SetKekPolicy, parameters, request.Approve, by => _acts.SetKekPolicyAsync(by, call.Name, request.Policy, CancellationToken.None));
        });
        routes.Post(Kek + "/rotate", async call =>
        {
            RotateKekRequest request = await call.ReadAsync(AdminJson.Default.RotateKekRequest);
            await _acts.RotateAsync(call.By, call.Name, request.ActiveAt, CancellationToken.None);
            await AnswerAsync(call);
        });
        routes.Post(Version + "/enable", call => SetEnabledAsync(call, enabled: true));
        routes.Post(Version + "/disable", call => SetEnabledAsync(call, enabled: false));
        routes.Post(Version + "/destroy", DestroyAsync);
        routes.Post(Version + "/cancel-destroy", async call =>
        {
            KekVersion? version = await FindVersionAsync(call);
            JsonObject parameters = new() { ["kek"] = call.Name, ["version"] = call.Version, ["destroyAt"] = version?.DestroyAt?.ToUnixTimeMilliseconds() };
            await RunAsync(
                call, TwoPersonActs.CancelDestroy, parameters, await ApprovalAsync(call), by => _acts.CancelDestroyAsync(by, call.Name, call.Version, CancellationToken.None));
        });
    }

    private async Task CreateAsync(AdminCall call)
    {
        CreateKekRequest request = await call.ReadAsync(AdminJson.Default.CreateKekRequest);
        KekRecord record = new(request.Name, request.Cluster, _acts.StoreOrOnly(request.Store), request.Policy, request.Release, default);
        await call.AnswerAsync(MessageOf(await _acts.CreateKekAsync(call.By, record, CancellationToken.None)), AdminJson.Default.KekSummary);
    }

    private async Task SetEnabledAsync(AdminCall call, bool enabled)
    {
        if (enabled)
        {
            JsonObject parameters = new() { ["kek"] = call.Name, ["version"] = call.Version, ["state"] = (await FindVersionAsync(call))?.State.ToString() };
            await RunAsync(
                call, TwoPersonActs.Enable, parameters, await ApprovalAsync(call),
                by => _acts.SetVersionEnabledAsync(by, call.Name, call.Version, enabled: true, CancellationToken.None));
            return;
        }

        KekScanRecord? scan = call.HasBody ? (await call.ReadAsync(AdminJson.Default.DisableKekRequest)).Scan : null;
        await _acts.SetVersionEnabledAsync(call.By, call.Name, call.Version, enabled: false, CancellationToken.None, scan);
        await AnswerAsync(call);
    }

    private async Task DestroyAsync(AdminCall call)
    {
        DestroyKekRequest request = await call.ReadAsync(AdminJson.Default.DestroyKekRequest);
        if (request.DelaySeconds is < 0 or > MostDelaySeconds)
        {
            throw new AdministrationException("a destruction is delayed by at most a year", AdministrationFailure.BadRequest);
        }

        // What could not be done by anybody is refused at once, and does not wait for a second administrator.
        TimeSpan delay = TimeSpan.FromSeconds(request.DelaySeconds);
        await _acts.CheckDestroyAsync(call.By, call.Name, call.Version, delay, request.Confirm, CancellationToken.None);
        JsonObject parameters = new() { ["kek"] = call.Name, ["version"] = call.Version, ["delaySeconds"] = request.DelaySeconds };
        await RunAsync(
            call, TwoPersonActs.Destroy, parameters, request.Approve,
            by => _acts.ScheduleDestroyAsync(by, call.Name, call.Version, delay, request.Confirm, CancellationToken.None, request.Scan));
    }

    private Task RunAsync(AdminCall call, string act, JsonObject parameters, string? approve, Func<Administrator, Task> run) =>
        AccessEndpoints.RunAsync(call, services.TwoPersons, act, parameters, approve, async by =>
        {
            await run(by);
            await AnswerAsync(call);
        });

    private static async Task<string?> ApprovalAsync(AdminCall call) =>
        call.HasBody ? (await call.ReadAsync(AdminJson.Default.ApprovalRequest)).Approve : null;

    private async Task<KekVersion?> FindVersionAsync(AdminCall call) =>
        (await services.State.FindKekAsync(call.Name, CancellationToken.None))?.Versions.FirstOrDefault(version => version.Version == call.Version);

    private async Task AnswerAsync(AdminCall call) => await call.AnswerAsync(
        MessageOf(await services.State.FindKekAsync(call.Name, CancellationToken.None)
            ?? throw new AdministrationException($"there is no KEK {call.Name}", AdministrationFailure.NotFound)),
        AdminJson.Default.KekSummary);

    private KekSummary MessageOf(Kek kek) => MessageOf(kek, services);

    /// <summary>A KEK as it is told.</summary>
    internal static KekSummary MessageOf(Kek kek, AdministrationServices services)
    {
        int? active = BrokerAdministration.ActiveAt(kek, services.Time.GetUtcNow())?.Version;
        return new KekSummary(
            kek.Record.Name, kek.Record.Cluster, kek.Record.Store, kek.Record.Policy, kek.Record.Release, kek.Record.CreatedAt, kek.Etag,
            [.. kek.Versions.Select(version => new KekVersionSummary(
                version.Version,
                KeyId.Format(new KekIdentity(services.Authority, version.Name, checked((uint)version.Version), version.Generation).Fingerprint()),
                StateOf(version.State), version.Version == active, version.CreatedAt, version.ActiveAt, version.DestroyAt))]);
    }

    private static string StateOf(KekVersionState state) => state switch
    {
        KekVersionState.Enabled => "enabled",
        KekVersionState.Disabled => "disabled",
        KekVersionState.DestroyScheduled => "destroyScheduled",
        _ => "destroyed",
    };
}
