using System.Security.Cryptography;
using System.Text.Json.Nodes;
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
                "sha256:" + Convert.ToBase64String(SHA256.HashData(services.AuthorityPublicKey())), services.TwoPersons.Acts)
            {
                OnePerson = services.TwoPersons.Alone,
            },
            AdminJson.Default.WhoAmI));
        routes.Get(AdminPaths.AuthorityCertificate, call => call.AnswerAsync(
            new AuthorityCertificate(PemEncoding.WriteString("CERTIFICATE", services.AuthorityCertificate) + "\n"), AdminJson.Default.AuthorityCertificate));
        routes.Get(AdminPaths.Requests, async call => await call.AnswerAsync(
            new PendingRequestList([.. (await services.State.ListRequestsAsync(call.Aborted)).Select(MessageOf)]), AdminJson.Default.PendingRequestList));
        routes.Delete(AdminPaths.Requests + "/{name}", async call => await call.AnswerAsync(
            new ChangeResult(await services.TwoPersons.WithdrawAsync(call.By, call.Name, CancellationToken.None)), AdminJson.Default.ChangeResult));
    }

    /// <summary>Does an act that may take two, or leaves a request and answers with it.</summary>
    /// <param name="call">The call.</param>
    /// <param name="rule">Which acts take two.</param>
    /// <param name="act">The act.</param>
    /// <param name="parameters">All that says what it does.</param>
    /// <param name="approve">The request that this approves, or null.</param>
    /// <param name="run">Does it and answers, as the administrator that it is given.</param>
    internal static async Task RunAsync(AdminCall call, TwoPersonRule rule, string act, JsonObject parameters, string? approve, Func<Administrator, Task> run)
    {
        Consent consent = await rule.AskAsync(call.By, act, parameters, approve, CancellationToken.None);
        await (consent.Waiting is { } waiting
            ? call.AnswerAsync(MessageOf(waiting), AdminJson.Default.PendingRequest, StatusCodes.Status202Accepted)
            : run(consent.By));
    }

    private static PendingRequest MessageOf(PendingAct request) =>
        new(request.Id, request.Act, request.Parameters, request.By, request.At, request.ExpiresAt) { Digest = TwoPersonRule.DigestOf(request.Act, request.Parameters) };
}
