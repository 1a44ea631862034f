using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Policies, and what they would refuse.</summary>
internal sealed class PolicyEndpoints(AdministrationServices services)
{
    private readonly PolicyActs _acts = new(services);

    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.Policies, async call => await call.AnswerAsync(new PolicyList(await _acts.ListAsync(call.Aborted)), AdminJson.Default.PolicyList));
        routes.Get(AdminPaths.Policies + "/{name}", async call =>
            await call.AnswerAsync(new PolicyList(await _acts.VersionsAsync(call.Name, call.Aborted)), AdminJson.Default.PolicyList));
        routes.Put(AdminPaths.Policies + "/{name}", async call => await call.AnswerAsync(
            await _acts.SetAsync(call.By, call.Name, await call.ReadAsync(AdminJson.Default.SetPolicyRequest)), AdminJson.Default.PolicyDocument));
        routes.Post(AdminPaths.DryRun, async call =>
        {
            PolicyActs.RequireDryRun(call.By);
            DryRunRequest request = await call.ReadAsync(AdminJson.Default.DryRunRequest);
            await call.AnswerAsync(await _acts.DryRunAsync(call.By, request, call.Aborted), AdminJson.Default.DryRunResult);
        });
    }
}
