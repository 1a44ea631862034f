using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Leases of enclaves, and revocations.</summary>
internal sealed class EnclaveEndpoints(AdministrationServices services)
{
    private readonly EnclaveActs _acts = new(services);

    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.Enclaves, async call => await call.AnswerAsync(
            new EnclaveList(await _acts.ListAsync(call.Query("cluster"), call.Query("ended") == "true", call.Aborted)), AdminJson.Default.EnclaveList));
        routes.Get(AdminPaths.Revocations, async call =>
            await call.AnswerAsync(new RevocationList(await _acts.RevocationsAsync(call.Aborted)), AdminJson.Default.RevocationList));
        routes.Post(AdminPaths.Revocations, async call => await call.AnswerAsync(
            await _acts.RevokeAsync(call.By, await call.ReadAsync(AdminJson.Default.RevokeRequest)), AdminJson.Default.ChangeResult));
        routes.Post(AdminPaths.Lift, async call => await call.AnswerAsync(
            await _acts.LiftAsync(call.By, await call.ReadAsync(AdminJson.Default.LiftRequest)), AdminJson.Default.ChangeResult));
    }
}
