using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Policies;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Policies, and what they would refuse.</summary>
internal sealed class PolicyEndpoints(AdministrationServices services)
{
    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.Policies, async call => await call.AnswerAsync(
            new PolicyList([.. (await services.State.ListPoliciesAsync(call.Aborted)).Select(MessageOf)]), AdminJson.Default.PolicyList));
        routes.Get(AdminPaths.Policies + "/{name}", async call =>
        {
            IReadOnlyList<PolicyRecord> versions = await services.State.ListPolicyVersionsAsync(call.Name, call.Aborted);
            await call.AnswerAsync(
                versions.Count > 0
                    ? new PolicyList([.. versions.Select(MessageOf)])
                    : throw new AdministrationException($"there is no policy {call.Name}", AdministrationFailure.NotFound),
                AdminJson.Default.PolicyList);
        });
        routes.Put(AdminPaths.Policies + "/{name}", async call =>
        {
            SetPolicyRequest request = await call.ReadAsync(AdminJson.Default.SetPolicyRequest);
            await services.Acts.CheckPolicyAsync(call.By, call.Name, request.Yaml);
            PolicyRecord? present = await services.State.FindPolicyAsync(call.Name, CancellationToken.None);
            JsonObject parameters = new()
            {
                ["policy"] = call.Name, ["digest"] = PolicyRecord.DigestOf(request.Yaml), ["replaces"] = present?.Digest ?? "",
                ["otherRoots"] = string.Join(' ', OtherRootsOf(request.Yaml)),
            };
            await AccessEndpoints.RunAsync(call, services.TwoPersons, TwoPersonActs.SetPolicy, parameters, request.Approve, async by => await call.AnswerAsync(
                MessageOf(await services.Acts.SetPolicyAsync(by, call.Name, request.Yaml, CancellationToken.None)), AdminJson.Default.PolicyDocument));
        });
        routes.Post(AdminPaths.DryRun, async call =>
        {
            if ((call.By.Roles & (AdministratorRole.Auditor | AdministratorRole.Operator)) == 0)
            {
                AuditedActs.Require(call.By, AdministratorRole.Auditor);
            }

            DryRunRequest request = await call.ReadAsync(AdminJson.Default.DryRunRequest);
            await call.AnswerAsync(await services.DryRun.RunAsync(request, call.Aborted), AdminJson.Default.DryRunResult);
        });
    }

    private static PolicyDocument MessageOf(PolicyRecord policy) =>
        new(policy.Name, policy.Version, policy.Yaml, policy.Digest, policy.UpdatedAt, policy.UpdatedBy) { OtherRoots = OtherRootsOf(policy.Yaml) };

    private static IReadOnlyList<string> OtherRootsOf(string yaml) => OtherRoots.In(ReleasePolicyReader.Read(yaml).Policy?.Roots ?? []);
}
