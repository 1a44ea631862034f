using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Revocations;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Leases of enclaves, and revocations.</summary>
internal sealed class EnclaveEndpoints(AdministrationServices services)
{
    private static readonly (string Name, RevocationKind Kind)[] Kinds =
    [
        ("instance", RevocationKind.Instance), ("measurement", RevocationKind.Measurement), ("platform", RevocationKind.Platform), ("kek", RevocationKind.Kek),
    ];

    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.Enclaves, ListAsync);
        routes.Get(AdminPaths.Revocations, async call => await call.AnswerAsync(
            new RevocationList([.. (await services.State.ListRevocationsAsync(call.Aborted)).Select(
                revocation => new RevocationEntry(NameOf(revocation.Kind), revocation.Value, revocation.Reason, revocation.At, revocation.By))]),
            AdminJson.Default.RevocationList));
        routes.Post(AdminPaths.Revocations, async call =>
        {
            RevokeRequest request = await call.ReadAsync(AdminJson.Default.RevokeRequest);
            if (string.IsNullOrWhiteSpace(request.Reason))
            {
                throw new AdministrationException("say why, for those who read it later", AdministrationFailure.BadRequest);
            }

            bool changed = await services.Acts.RevokeAsync(call.By, KindOf(request.Kind), request.Value, request.Reason, CancellationToken.None);
            await call.AnswerAsync(new ChangeResult(changed), AdminJson.Default.ChangeResult);
        });
        routes.Post(AdminPaths.Lift, async call =>
        {
            LiftRequest request = await call.ReadAsync(AdminJson.Default.LiftRequest);
            RevocationKind kind = KindOf(request.Kind);
            Revocation? present = (await services.State.ListRevocationsAsync(CancellationToken.None)).FirstOrDefault(one => one.Kind == kind && one.Value == request.Value);
            JsonObject parameters = new()
            {
                ["kind"] = request.Kind, ["value"] = request.Value, ["reason"] = present?.Reason, ["revokedBy"] = present?.By, ["revokedAt"] = present?.At.ToUnixTimeMilliseconds(),
            };
            await AccessEndpoints.RunAsync(call, services.TwoPersons, TwoPersonActs.LiftRevocation, parameters, request.Approve, async by => await call.AnswerAsync(
                new ChangeResult(await services.Acts.UnrevokeAsync(by, kind, request.Value, CancellationToken.None)), AdminJson.Default.ChangeResult));
        });
    }

    private async Task ListAsync(AdminCall call)
    {
        DateTimeOffset now = services.Time.GetUtcNow();
        bool ended = call.Query("ended") == "true";
        HashSet<(RevocationKind, string)> revoked = [.. (await services.State.ListRevocationsAsync(call.Aborted)).Select(item => (item.Kind, item.Value))];
        IReadOnlyList<LeaseRecord> leases = await services.State.ListLeasesAsync(call.Query("cluster"), call.Aborted);
        await call.AnswerAsync(
            new EnclaveList([.. leases.Where(lease => ended || lease.ExpiresAt > now).Select(lease => MessageOf(lease, revoked))]), AdminJson.Default.EnclaveList);
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
