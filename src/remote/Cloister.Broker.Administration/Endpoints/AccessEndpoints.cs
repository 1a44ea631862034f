using System.Security.Cryptography;
using Cloister.AdminApi;
using Cloister.Broker.State.Requests;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Who the caller is, which authority the broker has, and what waits for a second administrator.</summary>
internal sealed class AccessEndpoints(AdministrationServices services)
{
    internal void Map(AdminRoutes routes)
    {
        routes.Get(AdminPaths.WhoAmI, call => call.AnswerAsync(
            new WhoAmI(
                call.By.Name, AdministratorRoles.NamesOf(call.By.Roles), services.Authority,
                "sha256:" + Convert.ToBase64String(SHA256.HashData(services.AuthorityPublicKey)), services.TwoPersons.Acts),
            AdminJson.Default.WhoAmI));
        routes.Get(AdminPaths.AuthorityCertificate, call => call.AnswerAsync(
            new AuthorityCertificate(PemEncoding.WriteString("CERTIFICATE", services.AuthorityCertificate) + "\n"), AdminJson.Default.AuthorityCertificate));
        routes.Get(AdminPaths.Requests, async call => await call.AnswerAsync(
            new PendingRequestList([.. (await services.State.ListRequestsAsync(call.Aborted)).Select(MessageOf)]), AdminJson.Default.PendingRequestList));
        routes.Delete(AdminPaths.Requests + "/{name}", async call => await call.AnswerAsync(
            new ChangeResult(await services.TwoPersons.WithdrawAsync(call.By, call.Name, CancellationToken.None)), AdminJson.Default.ChangeResult));
    }

    /// <summary>Answers that an act waits.</summary>
    internal static Task AnswerAsync(AdminCall call, PendingAct request) =>
        call.AnswerAsync(MessageOf(request), AdminJson.Default.PendingRequest, StatusCodes.Status202Accepted);

    private static PendingRequest MessageOf(PendingAct request) =>
        new(request.Id, request.Act, request.Parameters, request.By, request.At, request.ExpiresAt);
}
