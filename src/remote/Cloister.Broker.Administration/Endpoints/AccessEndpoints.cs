using System.Security.Cryptography;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Who the caller is, which authority the broker has, and what waits for a second administrator.</summary>
internal sealed class AccessEndpoints(AdministrationServices services)
{
    private readonly AccessActs _acts = new(services);

    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.WhoAmI, call => call.AnswerAsync(_acts.WhoIs(call.By), AdminJson.Default.WhoAmI));
        routes.Get(AdminPaths.AuthorityCertificate, call => call.AnswerAsync(
            new AuthorityCertificate(PemEncoding.WriteString("CERTIFICATE", services.AuthorityCertificate) + "\n"), AdminJson.Default.AuthorityCertificate));
        routes.Get(AdminPaths.Requests, async call =>
            await call.AnswerAsync(new PendingRequestList(await _acts.RequestsAsync(call.Aborted)), AdminJson.Default.PendingRequestList));
        routes.Delete(AdminPaths.Requests + "/{name}", async call => await call.AnswerAsync(await _acts.WithdrawAsync(call.By, call.Name), AdminJson.Default.ChangeResult));
    }
}
