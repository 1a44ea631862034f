using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Policies;
using Cloister.Contracts.Keys;

namespace Cloister.Broker.Administration.Acts;

/// <summary>
/// KEKs and their life, as administrators ask for it: roles, the two-person rule and the audit log are in here, whoever asks in whatever form. Thread-safe.
/// What is begun is done and logged, so nothing here is cancelled. Every member throws <see cref="AdministrationException"/>. secrets: none.
/// </summary>
public sealed class KekActs(AdministrationServices services)
{
    // The longest delay that can be taken back: a year.
    private const long MostDelaySeconds = 366L * 24 * 3600;

    private readonly BrokerAdministration _acts = services.Acts;

    /// <summary>Every KEK, or every one of a cluster.</summary>
    public async Task<IReadOnlyList<KekSummary>> ListAsync(string? cluster, CancellationToken cancellation) =>
        [.. (await services.State.ListKeksAsync(cluster, cancellation)).Select(kek => MessageOf(kek, services))];

    /// <summary>A KEK.</summary>
    public async Task<KekSummary> FindAsync(string name) => MessageOf(
        await services.State.FindKekAsync(name, CancellationToken.None) ?? throw new AdministrationException($"there is no KEK {name}", AdministrationFailure.NotFound), services);

    /// <summary>Makes a KEK and its version 1.</summary>
    public async Task<KekSummary> CreateAsync(Administrator by, CreateKekRequest request)
    {
        KekRecord record = new(request.Name, request.Cluster, _acts.StoreOrOnly(request.Store), request.Policy, request.Release, default);
        return MessageOf(await _acts.CreateKekAsync(by, record, CancellationToken.None), services);
    }

    /// <summary>Puts another policy in charge of it.</summary>
    public async Task<Outcome<KekSummary>> SetPolicyAsync(Administrator by, string name, SetKekPolicyRequest request)
    {
        (Kek kek, PolicyRecord policy) = await _acts.CheckKekPolicyAsync(by, name, request.Policy, CancellationToken.None);
        JsonObject parameters = new() { ["kek"] = name, ["policy"] = request.Policy, ["digest"] = policy.Digest, ["replaces"] = kek.Record.Policy };
        return await RunAsync(
            by, name, TwoPersonActs.SetKekPolicy, parameters, request.Approve, allowed => _acts.SetKekPolicyAsync(allowed, name, request.Policy, CancellationToken.None));
    }

    /// <summary>Makes the next version.</summary>
    public async Task<KekSummary> RotateAsync(Administrator by, string name, RotateKekRequest request)
    {
        await _acts.RotateAsync(by, name, request.ActiveAt, CancellationToken.None);
        return await FindAsync(name);
    }

    /// <summary>Enables a version that was disabled.</summary>
    public async Task<Outcome<KekSummary>> EnableAsync(Administrator by, string name, int version, string? approve)
    {
        JsonObject parameters = new() { ["kek"] = name, ["version"] = version, ["state"] = (await FindVersionAsync(name, version))?.State.ToString() };
        return await RunAsync(
            by, name, TwoPersonActs.Enable, parameters, approve, allowed => _acts.SetVersionEnabledAsync(allowed, name, version, enabled: true, CancellationToken.None));
    }

    /// <summary>Takes a version out of use.</summary>
    public async Task<KekSummary> DisableAsync(Administrator by, string name, int version, KekScanRecord? scan)
    {
        await _acts.SetVersionEnabledAsync(by, name, version, enabled: false, CancellationToken.None, scan);
        return await FindAsync(name);
    }

    /// <summary>Orders the destruction of a version.</summary>
    public async Task<Outcome<KekSummary>> DestroyAsync(Administrator by, string name, int version, DestroyKekRequest request)
    {
        if (request.DelaySeconds is < 0 or > MostDelaySeconds)
        {
            throw new AdministrationException("a destruction is delayed by at most a year", AdministrationFailure.BadRequest);
        }

        // What could not be done by anybody is refused at once, and does not wait for a second administrator.
        TimeSpan delay = TimeSpan.FromSeconds(request.DelaySeconds);
        await _acts.CheckDestroyAsync(by, name, version, delay, request.Confirm, CancellationToken.None);
        JsonObject parameters = new() { ["kek"] = name, ["version"] = version, ["delaySeconds"] = request.DelaySeconds };
        return await RunAsync(
            by, name, TwoPersonActs.Destroy, parameters, request.Approve,
            allowed => _acts.ScheduleDestroyAsync(allowed, name, version, delay, request.Confirm, CancellationToken.None, request.Scan));
    }

    /// <summary>Takes an order to destroy back.</summary>
    public async Task<Outcome<KekSummary>> CancelDestroyAsync(Administrator by, string name, int version, string? approve)
    {
        KekVersion? found = await FindVersionAsync(name, version);
        JsonObject parameters = new() { ["kek"] = name, ["version"] = version, ["destroyAt"] = found?.DestroyAt?.ToUnixTimeMilliseconds() };
        return await RunAsync(
            by, name, TwoPersonActs.CancelDestroy, parameters, approve, allowed => _acts.CancelDestroyAsync(allowed, name, version, CancellationToken.None));
    }

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

    private Task<Outcome<KekSummary>> RunAsync(Administrator by, string name, string act, JsonObject parameters, string? approve, Func<Administrator, Task> run) =>
        Outcomes.RunAsync(services.TwoPersons.AskAsync(by, act, parameters, approve, CancellationToken.None), async allowed =>
        {
            await run(allowed);
            return await FindAsync(name);
        });

    private async Task<KekVersion?> FindVersionAsync(string name, int version) =>
        (await services.State.FindKekAsync(name, CancellationToken.None))?.Versions.FirstOrDefault(one => one.Version == version);

    private static string StateOf(KekVersionState state) => state switch
    {
        KekVersionState.Enabled => "enabled",
        KekVersionState.Disabled => "disabled",
        KekVersionState.DestroyScheduled => "destroyScheduled",
        _ => "destroyed",
    };
}
