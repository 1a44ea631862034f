using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Revocations;

namespace Cloister.Broker.Administration.Acts;

/// <summary>Leases of enclaves, and revocations. As <see cref="KekActs"/>. secrets: none.</summary>
public sealed class EnclaveActs(AdministrationServices services)
{
    private static readonly (string Name, RevocationKind Kind)[] Kinds =
    [
        ("instance", RevocationKind.Instance), ("measurement", RevocationKind.Measurement), ("platform", RevocationKind.Platform), ("kek", RevocationKind.Kek),
    ];

    /// <summary>Leases, the last renewed first.</summary>
    /// <param name="cluster">Of one cluster; null: of all.</param>
    /// <param name="ended">Whether those that are over are among them.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public async Task<IReadOnlyList<EnclaveLease>> ListAsync(string? cluster, bool ended, CancellationToken cancellation)
    {
        DateTimeOffset now = services.Time.GetUtcNow();
        Func<LeaseRecord, EnclaveLease> tell = await TellerAsync(cancellation);
        return [.. (await services.State.ListLeasesAsync(cluster, cancellation)).Where(lease => ended || lease.ExpiresAt > now).Select(tell)];
    }

    /// <summary>A part of the leases, and how many there are.</summary>
    public async Task<(IReadOnlyList<EnclaveLease> Leases, long Total)> PageAsync(LeaseQuery query, CancellationToken cancellation)
    {
        Func<LeaseRecord, EnclaveLease> tell = await TellerAsync(cancellation);
        LeasePage page = await services.State.PageLeasesAsync(query, cancellation);
        return ([.. page.Leases.Select(tell)], page.Total);
    }

    /// <summary>A lease, over or not.</summary>
    public async Task<EnclaveLease> FindAsync(string lease, CancellationToken cancellation)
    {
        Func<LeaseRecord, EnclaveLease> tell = await TellerAsync(cancellation);
        return tell(await services.State.FindLeaseAsync(lease, cancellation) ?? throw new AdministrationException($"there is no lease {lease}", AdministrationFailure.NotFound));
    }

    /// <summary>Revocations in force.</summary>
    public async Task<IReadOnlyList<RevocationEntry>> RevocationsAsync(CancellationToken cancellation) =>
        [.. (await services.State.ListRevocationsAsync(cancellation)).Select(one => new RevocationEntry(NameOf(one.Kind), one.Value, one.Reason, one.At, one.By))];

    /// <summary>Revokes.</summary>
    public async Task<ChangeResult> RevokeAsync(Administrator by, RevokeRequest request) => string.IsNullOrWhiteSpace(request.Reason)
        ? throw new AdministrationException("say why, for those who read it later", AdministrationFailure.BadRequest)
        : new ChangeResult(await services.Acts.RevokeAsync(by, KindOf(request.Kind), request.Value, request.Reason, CancellationToken.None));

    /// <summary>Takes a revocation back.</summary>
    public async Task<Outcome<ChangeResult>> LiftAsync(Administrator by, LiftRequest request)
    {
        RevocationKind kind = KindOf(request.Kind);
        Revocation? present = (await services.State.ListRevocationsAsync(CancellationToken.None)).FirstOrDefault(one => one.Kind == kind && one.Value == request.Value);
        JsonObject parameters = new()
        {
            ["kind"] = request.Kind, ["value"] = request.Value, ["reason"] = present?.Reason, ["revokedBy"] = present?.By, ["revokedAt"] = present?.At.ToUnixTimeMilliseconds(),
        };
        return await Outcomes.RunAsync(
            services.TwoPersons.AskAsync(by, TwoPersonActs.LiftRevocation, parameters, request.Approve, CancellationToken.None),
            async allowed => new ChangeResult(await services.Acts.UnrevokeAsync(allowed, kind, request.Value, CancellationToken.None)));
    }

    private async Task<Func<LeaseRecord, EnclaveLease>> TellerAsync(CancellationToken cancellation)
    {
        HashSet<(RevocationKind, string)> revoked = [.. (await services.State.ListRevocationsAsync(cancellation)).Select(item => (item.Kind, item.Value))];
        return lease => MessageOf(lease, revoked);
    }

    private static EnclaveLease MessageOf(LeaseRecord lease, HashSet<(RevocationKind, string)> revoked)
    {
        (RevocationKind Kind, string Value)[] about =
        [
            (RevocationKind.Instance, lease.Instance), (RevocationKind.Measurement, lease.Measurement), (RevocationKind.Platform, lease.Platform), (RevocationKind.Kek, lease.Kek),
        ];
        return new EnclaveLease(
            lease.Id, lease.Instance, lease.Cluster, lease.Provider, lease.Kek, lease.Tee, lease.Measurement, lease.Platform, lease.ConfigDigest, lease.Policy,
            lease.FirstAt, lease.RenewedAt, lease.ExpiresAt, lease.Renewals, lease.Wraps, lease.Unwraps,
            about.Where(revoked.Contains).Select(item => NameOf(item.Kind)).FirstOrDefault(""))
        {
            OtherRoots = lease.OtherRoots.Split(' ', StringSplitOptions.RemoveEmptyEntries),
        };
    }

    private static string NameOf(RevocationKind kind) => Kinds.Single(known => known.Kind == kind).Name;

    private static RevocationKind KindOf(string name) => Kinds.Any(known => known.Name == name)
        ? Kinds.Single(known => known.Name == name).Kind
        : throw new AdministrationException("what is revoked is an instance, a measurement, a platform or a kek", AdministrationFailure.BadRequest);
}
