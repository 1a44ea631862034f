using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Policies;

namespace Cloister.Broker.Administration.Acts;

/// <summary>Policies, and what they would refuse. As <see cref="KekActs"/>. secrets: none.</summary>
public sealed class PolicyActs(AdministrationServices services)
{
    /// <summary>Those in force, by name.</summary>
    public async Task<IReadOnlyList<PolicyDocument>> ListAsync(CancellationToken cancellation) =>
        [.. (await services.State.ListPoliciesAsync(cancellation)).Select(MessageOf)];

    /// <summary>Every version of one, oldest first.</summary>
    public async Task<IReadOnlyList<PolicyDocument>> VersionsAsync(string name, CancellationToken cancellation)
    {
        IReadOnlyList<PolicyRecord> versions = await services.State.ListPolicyVersionsAsync(name, cancellation);
        return versions.Count > 0 ? [.. versions.Select(MessageOf)] : throw new AdministrationException($"there is no policy {name}", AdministrationFailure.NotFound);
    }

    /// <summary>Puts one in force.</summary>
    public async Task<Outcome<PolicyDocument>> SetAsync(Administrator by, string name, SetPolicyRequest request)
    {
        await services.Acts.CheckPolicyAsync(by, name, request.Yaml);
        PolicyRecord? present = await services.State.FindPolicyAsync(name, CancellationToken.None);
        JsonObject parameters = new()
        {
            ["policy"] = name, ["digest"] = PolicyRecord.DigestOf(request.Yaml), ["replaces"] = present?.Digest ?? "",
            ["otherRoots"] = string.Join(' ', OtherRootsOf(request.Yaml)),
        };
        return await Outcomes.RunAsync(
            services.TwoPersons.AskAsync(by, TwoPersonActs.SetPolicy, parameters, request.Approve, CancellationToken.None),
            async allowed => MessageOf(await services.Acts.SetPolicyAsync(allowed, name, request.Yaml, CancellationToken.None)));
    }

    /// <summary>Judges kept evidence by one that need not be in force.</summary>
    public async Task<DryRunResult> DryRunAsync(Administrator by, DryRunRequest request, CancellationToken cancellation)
    {
        RequireDryRun(by);
        return await services.DryRun.RunAsync(request, cancellation);
    }

    /// <summary>Refuses who may not dry-run.</summary>
    internal static void RequireDryRun(Administrator by)
    {
        if ((by.Roles & (AdministratorRole.Auditor | AdministratorRole.Operator)) == 0)
        {
            AuditedActs.Require(by, AdministratorRole.Auditor);
        }
    }

    private static PolicyDocument MessageOf(PolicyRecord policy) =>
        new(policy.Name, policy.Version, policy.Yaml, policy.Digest, policy.UpdatedAt, policy.UpdatedBy) { OtherRoots = OtherRootsOf(policy.Yaml) };

    private static IReadOnlyList<string> OtherRootsOf(string yaml) => OtherRoots.In(ReleasePolicyReader.Read(yaml).Policy?.Roots ?? []);
}
