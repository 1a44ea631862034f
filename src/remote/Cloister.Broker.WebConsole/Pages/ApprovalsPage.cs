using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>The page of requests that wait.</summary>
public sealed record ApprovalsModel(IReadOnlyList<PendingRequest> Requests, IReadOnlyList<string> TakeTwo, IReadOnlyList<string> Alone);

/// <summary>A parameter of a request, in words, beside what is now.</summary>
public sealed record Change(string What, string Now, string Then);

/// <summary>The page of one request.</summary>
/// <param name="Request">The request.</param>
/// <param name="Parameters">Its parameters as they are compared.</param>
/// <param name="Changes">What it would change.</param>
/// <param name="Texts">Of a request that changes which policy counts: the texts now and then; null: it is about none.</param>
/// <param name="Command">The command that approves it.</param>
/// <param name="Role">The role it takes.</param>
/// <param name="IsOwn">Whether who looks made it.</param>
public sealed record ApprovalModel(
    PendingRequest Request, RequestParameters Parameters, IReadOnlyList<Change> Changes, (string Now, string Then)? Texts, IReadOnlyList<string> Command, AdministratorRole Role, bool IsOwn);

/// <summary>Requests that wait for a second administrator. Approving is the same call as making one, with the request's id: the rule is administration's.</summary>
internal sealed class ApprovalsPage(AdministrationServices services)
{
    private readonly AccessActs _access = new(services);
    private readonly KekActs _keks = new(services);
    private readonly EnclaveActs _enclaves = new(services);

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<Approvals>("/approvals", async call => new ApprovalsModel(await _access.RequestsAsync(call.Aborted), services.TwoPersons.Acts, services.TwoPersons.Alone));
        routes.Page<Approval>("/approvals/{id}", LoadAsync);
        routes.Act("/approvals/{id}/approve", async call =>
        {
            PendingRequest request = await FindAsync(call);
            await ApproveAsync(call.By, request, new RequestParameters(request), call.Field("confirm"));
            return "/approvals?said=approved";
        });
        routes.Act("/approvals/{id}/withdraw", async call =>
            (await _access.WithdrawAsync(call.By, call.Route("id"))).Changed ? "/approvals?said=withdrawn" : "/approvals?said=unchanged");
    }

    private async Task<PendingRequest> FindAsync(ConsoleCall call) =>
        (await _access.RequestsAsync(call.Aborted)).FirstOrDefault(one => one.Id == call.Route("id"))
            ?? throw new AdministrationException("there is no such request: it was approved, withdrawn, or is older than 24 hours", AdministrationFailure.NotFound);

    private async Task ApproveAsync(Administrator by, PendingRequest request, RequestParameters parameters, string confirm)
    {
        (string kek, int version) = (parameters.ValueOf("kek"), (int)parameters.NumberOf("version"));
        switch (request.Act)
        {
            case TwoPersonActs.SetKekPolicy:
                await _keks.SetPolicyAsync(by, kek, new SetKekPolicyRequest(parameters.ValueOf("policy"), request.Id));
                break;
            case TwoPersonActs.Enable:
                await _keks.EnableAsync(by, kek, version, request.Id);
                break;
            case TwoPersonActs.CancelDestroy:
                await _keks.CancelDestroyAsync(by, kek, version, request.Id);
                break;
            case TwoPersonActs.Destroy:
                await _keks.DestroyAsync(by, kek, version, new DestroyKekRequest(parameters.NumberOf("delaySeconds"), confirm, request.Id, KekScanRecord.WithoutScan));
                break;
            case TwoPersonActs.LiftRevocation:
                await _enclaves.LiftAsync(by, new LiftRequest(parameters.ValueOf("kind"), parameters.ValueOf("value"), request.Id));
                break;
            default:
                throw new AdministrationException($"{request.Act} is approved by command: what it takes or answers is in files", AdministrationFailure.BadRequest);
        }
    }

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        PendingRequest request = await FindAsync(call);
        RequestParameters parameters = new(request);
        KekSummary? kek = (await _keks.ListAsync(null, call.Aborted)).FirstOrDefault(one => one.Name == parameters.ValueOf("kek"));
        KekVersionSummary? version = kek?.Versions.FirstOrDefault(one => one.Version == parameters.NumberOf("version"));
        (string, string)? texts = null;
        if (request.Act == TwoPersonActs.SetKekPolicy && kek is not null)
        {
            texts = (await TextAsync(kek.Policy, call.Aborted), await TextAsync(parameters.ValueOf("policy"), call.Aborted));
        }

        return new ApprovalModel(
            request, parameters, ChangesOf(request, parameters, kek, version), texts, CommandOf(request, parameters), TwoPersonActs.RoleOf(request.Act),
            string.Equals(request.By, call.By.Name, StringComparison.OrdinalIgnoreCase));
    }

    private async Task<string> TextAsync(string policy, CancellationToken cancellation) => (await services.State.FindPolicyAsync(policy, cancellation))?.Yaml ?? "";

    private static IReadOnlyList<Change> ChangesOf(PendingRequest request, RequestParameters parameters, KekSummary? kek, KekVersionSummary? version) => request.Act switch
    {
        TwoPersonActs.SetKekPolicy => [new Change($"policy of KEK {parameters.ValueOf("kek")}", kek?.Policy ?? "no such KEK", parameters.ValueOf("policy"))],
        TwoPersonActs.SetPolicy =>
        [
            new Change($"SHA-256 of policy {parameters.ValueOf("policy")}", parameters.ValueOf("replaces") is { Length: > 0 } digest ? digest : "there is none", parameters.ValueOf("digest")),
            new Change("roots besides the vendors'", "", parameters.ValueOf("otherRoots") is { Length: > 0 } roots ? roots : "none"),
        ],
        TwoPersonActs.Enable => [new Change(Named(parameters), version?.State ?? "there is none", "enabled")],
        TwoPersonActs.CancelDestroy => [new Change(Named(parameters), $"destroyed at {Text.Moment(version?.DestroyAt)}", "disabled, not destroyed")],
        TwoPersonActs.Destroy =>
        [
            new Change(Named(parameters), version?.State ?? "there is none", $"destroyed {parameters.NumberOf("delaySeconds") / 3600.0:0.#} hours after the approval; what was written with it is lost then"),
        ],
        TwoPersonActs.LiftRevocation =>
        [
            new Change($"{parameters.ValueOf("kind")} {parameters.ValueOf("value")}", $"revoked by {parameters.ValueOf("revokedBy")}: {parameters.ValueOf("reason")}", "not revoked"),
        ],
        TwoPersonActs.Export when parameters.ValueOf("authority").Length > 0 => [new Change("the authority's key", "held by this broker", $"in shares, {parameters.ValueOf("threshold")} of which restore it")],
        TwoPersonActs.Export => [new Change(Named(parameters), "held by this broker", $"in shares, {parameters.ValueOf("threshold")} of which restore it")],
        _ => [],
    };

    private static string Named(RequestParameters parameters) => $"KEK {parameters.ValueOf("kek")} version {parameters.ValueOf("version")}";

    private static string[] CommandOf(PendingRequest request, RequestParameters parameters)
    {
        string[] version = ["--name", parameters.ValueOf("kek"), "--version", parameters.ValueOf("version")];
        string[] act = request.Act switch
        {
            TwoPersonActs.SetPolicy => ["policy", "set", "--name", parameters.ValueOf("policy"), "--file", $"{parameters.ValueOf("policy")}.yaml"],
            TwoPersonActs.Enable => ["kek", "enable", .. version],
            TwoPersonActs.CancelDestroy => ["kek", "cancel-destroy", .. version],
            TwoPersonActs.Destroy => ["kek", "destroy", .. version, "--delay", SpanOf(parameters.NumberOf("delaySeconds")), "--yes-destroy", parameters.ValueOf("kek")],
            TwoPersonActs.LiftRevocation => ["enclaves", "lift", "--kind", parameters.ValueOf("kind"), "--value", parameters.ValueOf("value")],
            TwoPersonActs.Export when parameters.ValueOf("authority").Length > 0 => ["admin", "export-authority", "..."],
            TwoPersonActs.Export => ["kek", "export", .. version, "..."],
            TwoPersonActs.Restore => ["kek", "restore", "..."],
            _ => [],
        };
        return act.Length == 0 ? [] : ["cloister", .. act, "--approve", request.Id];
    }

    private static string SpanOf(long seconds) => seconds % 86400 == 0 ? $"{seconds / 86400}d" : seconds % 3600 == 0 ? $"{seconds / 3600}h" : $"{seconds}s";
}
