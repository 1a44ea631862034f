using System.Security.Cryptography;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Endpoints;

namespace Cloister.Broker.Administration.Acts;

/// <summary>Who somebody is here, what waits for a second administrator, and who may read the audit log. As <see cref="KekActs"/>. secrets: none.</summary>
public sealed class AccessActs(AdministrationServices services)
{
    /// <summary>Who an administrator is to this broker.</summary>
    public WhoAmI WhoIs(Administrator by) => new(
        by.Name, AdministratorRoles.NamesOf(by.Roles), services.Authority, "sha256:" + Convert.ToBase64String(SHA256.HashData(services.AuthorityPublicKey())), services.TwoPersons.Acts)
    {
        OnePerson = services.TwoPersons.Alone,
    };

    /// <summary>Every request that waits, the oldest first.</summary>
    public async Task<IReadOnlyList<PendingRequest>> RequestsAsync(CancellationToken cancellation) =>
        [.. (await services.State.ListRequestsAsync(cancellation)).Select(Outcomes.MessageOf)];

    /// <summary>Withdraws one.</summary>
    public async Task<ChangeResult> WithdrawAsync(Administrator by, string request) => new(await services.TwoPersons.WithdrawAsync(by, request, CancellationToken.None));

    /// <summary>Refuses who may not read the audit log.</summary>
    /// <exception cref="AdministrationException">It takes the role auditor.</exception>
    public static void RequireAuditor(Administrator by) => AuditedActs.Require(by, AdministratorRole.Auditor);
}
