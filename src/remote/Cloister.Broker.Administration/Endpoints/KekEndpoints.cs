using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>KEKs and their life.</summary>
internal sealed class KekEndpoints(AdministrationServices services)
{
    private readonly KekActs _acts = new(services);

    internal void Map(AdminRoutes routes)
    {
        const string Kek = AdminPaths.Keks + "/{name}";
        const string Version = Kek + "/versions/{version:int:min(1)}";
        routes.Get(AdminPaths.Keks, async call => await call.AnswerAsync(new KekList(await _acts.ListAsync(call.Query("cluster"), call.Aborted)), AdminJson.Default.KekList));
        routes.Post(AdminPaths.Keks, async call => await AnswerAsync(call, await _acts.CreateAsync(call.By, await call.ReadAsync(AdminJson.Default.CreateKekRequest))));
        routes.Get(Kek, async call => await AnswerAsync(call, await _acts.FindAsync(call.Name)));
        routes.Put(Kek + "/policy", async call =>
            await AnswerAsync(call, await _acts.SetPolicyAsync(call.By, call.Name, await call.ReadAsync(AdminJson.Default.SetKekPolicyRequest))));
        routes.Post(Kek + "/rotate", async call =>
            await AnswerAsync(call, await _acts.RotateAsync(call.By, call.Name, await call.ReadAsync(AdminJson.Default.RotateKekRequest))));
        routes.Post(Version + "/enable", async call => await AnswerAsync(call, await _acts.EnableAsync(call.By, call.Name, call.Version, await ApprovalAsync(call))));
        routes.Post(Version + "/disable", async call => await AnswerAsync(call, await _acts.DisableAsync(
            call.By, call.Name, call.Version, call.HasBody ? (await call.ReadAsync(AdminJson.Default.DisableKekRequest)).Scan : null)));
        routes.Post(Version + "/destroy", async call =>
            await AnswerAsync(call, await _acts.DestroyAsync(call.By, call.Name, call.Version, await call.ReadAsync(AdminJson.Default.DestroyKekRequest))));
        routes.Post(Version + "/cancel-destroy", async call =>
            await AnswerAsync(call, await _acts.CancelDestroyAsync(call.By, call.Name, call.Version, await ApprovalAsync(call))));
    }

    private static async Task<string?> ApprovalAsync(AdminCall call) =>
        call.HasBody ? (await call.ReadAsync(AdminJson.Default.ApprovalRequest)).Approve : null;

    private static Task AnswerAsync(AdminCall call, KekSummary kek) => call.AnswerAsync(kek, AdminJson.Default.KekSummary);

    private static Task AnswerAsync(AdminCall call, Outcome<KekSummary> outcome) => call.AnswerAsync(outcome, AdminJson.Default.KekSummary);
}
