using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Requests;

namespace Cloister.Broker.Administration;

/// <summary>
/// Acts that take two administrators: the first call leaves a request, the call of another one with the same parameters approves it, once. Requests
/// are in the broker's state, so that they outlive it and hold at every broker of a database. Thread-safe. secrets: none in parameters.
/// </summary>
public sealed class TwoPersonRule
{
    /// <summary>How long a request can be approved.</summary>
    public static readonly TimeSpan RequestLifetime = TimeSpan.FromHours(24);

    private readonly IBrokerState _state;
    private readonly AuditedActs _acts;
    private readonly TimeProvider _time;
    private readonly AdministratorDirectory _administrators;

    /// <summary>A rule for these acts.</summary>
    /// <param name="acts">Of <see cref="TwoPersonActs"/>.</param>
    /// <param name="administrators">Who may ask and approve.</param>
    /// <param name="state">Keeps requests.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ArgumentException">There is no such act.</exception>
    public TwoPersonRule(IEnumerable<string> acts, AdministratorDirectory administrators, IBrokerState state, TimeProvider time)
    {
        Replace(acts);
        (_administrators, _state, _acts, _time) = (administrators, state, new AuditedActs(state), time);
    }

    /// <summary>The acts that take two.</summary>
    public IReadOnlyList<string> Acts { get; private set; } = [];

    /// <summary>Other acts take two from now on.</summary>
    /// <exception cref="ArgumentException">There is no such act.</exception>
    public void Replace(IEnumerable<string> acts)
    {
        string[] sorted = [.. acts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Acts = sorted.Except(TwoPersonActs.All).FirstOrDefault() is { } unknown
            ? throw new ArgumentException($"there is no two-person rule for {unknown}: there is for {string.Join(", ", TwoPersonActs.All)}")
            : sorted;
    }

    /// <summary>The acts that could take two, and that one administrator does alone here.</summary>
    public IReadOnlyList<string> Alone => [.. TwoPersonActs.All.Except(Acts)];

    /// <summary>Asks whether an act may be done now. A request that is approved by this is used up with the act: by whom the answer names, in the act's transaction.</summary>
    /// <param name="by">Who asks.</param>
    /// <param name="act">The act.</param>
    /// <param name="parameters">All that says what it does and to what as it is now, always in the same order.</param>
    /// <param name="approve">The request that this approves, or null.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="AdministrationException">No role, or not what or who could approve.</exception>
    public async Task<Consent> AskAsync(Administrator by, string act, JsonObject parameters, string? approve, CancellationToken cancellation)
    {
        AdministratorRole role = TwoPersonActs.RoleOf(act);
        if (by.SignedOn is not null)
        {
            // Nobody here can tell whether a person at a provider is one of those with a certificate, so none of them is one of two, nor does alone what could take two.
            JsonObject refused = new() { ["request"] = approve ?? "", ["act"] = act };
            return await _acts.CheckAsync<Consent>(by, role, approve is null ? "request.made" : "request.approved", refused, () => throw new AdministrationException(
                $"{act} takes an administrator's certificate: who signed on at an OpenID provider neither asks for it nor approves it", AdministrationFailure.RoleRequired));
        }

        if (!Acts.Contains(act))
        {
            return approve is null
                ? new Consent(by, null)
                : throw new AdministrationException($"{act} takes one administrator here: leave the approval out", AdministrationFailure.BadRequest);
        }

        string text = parameters.ToJsonString();
        JsonObject details = new() { ["request"] = approve ?? "", ["act"] = act, ["parameters"] = text, ["digest"] = DigestOf(act, text) };
        if (approve is null)
        {
            return await _acts.RunAsync(by, role, "request.made", details, async (AuditedActs.Done done) => new Consent(by, await AddAsync(by, act, text, done, cancellation)));
        }

        return await _acts.CheckAsync(by, role, "request.approved", details, async () =>
        {
            PendingAct request = await _state.FindRequestAsync(approve, cancellation) ?? throw Gone();
            RequireApprover(by, role, request);
            if (request.Act != act || request.Parameters != text)
            {
                throw new AdministrationException($"the request is for something else, or what it is about has changed since: {request.Act} {request.Parameters}, not {text}");
            }

            (details["by"], details["requestedBy"], details["result"]) = (by.Name, request.By, "done");
            return new Consent(by with { RequestedBy = request.By, Approval = new UsedApproval(approve, new AuditEvent("request.approved", details)) }, null);
        });
    }

    /// <summary>Withdraws a request: who made it, or a key custodian.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="AdministrationException">Neither of them.</exception>
    public async Task<bool> WithdrawAsync(Administrator by, string id, CancellationToken cancellation)
    {
        PendingAct? request = await _state.FindRequestAsync(id, cancellation);
        if (request is null)
        {
            return false;
        }

        JsonObject details = new() { ["request"] = id, ["act"] = request.Act, ["digest"] = DigestOf(request.Act, request.Parameters) };
        return await _acts.RunAsync(
            by, by.SignedOn is null && IsSamePerson(request.By, by.Name) ? AdministratorRole.None : AdministratorRole.KeyCustodian, "request.withdrawn", details,
            (AuditedActs.Done done) => _state.TakeRequestAsync(id, cancellation, taken => taken ? done() : null));
    }

    /// <summary>SHA-256 of an act and its parameters, lower-case hex: what two persons compare to know that they speak of the same.</summary>
    public static string DigestOf(string act, string parameters) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{act}\n{parameters}")));

    // A person is a name, whatever keys they have.
    private static bool IsSamePerson(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    private void RequireApprover(Administrator by, AdministratorRole role, PendingAct request)
    {
        if (IsSamePerson(request.By, by.Name))
        {
            throw new AdministrationException("who asked cannot approve: another administrator has to");
        }

        if (_administrators.Named(request.By)?.Roles.HasFlag(role) != true)
        {
            throw new AdministrationException($"{request.By}, who asked, may not ask for that any more: ask anew");
        }
    }

    private async Task<PendingAct> AddAsync(Administrator by, string act, string parameters, AuditedActs.Done done, CancellationToken cancellation)
    {
        DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds());
        PendingAct request = new(RandomNumberGenerator.GetHexString(32, lowercase: true), act, parameters, by.Name, now, now + RequestLifetime);
        await _state.AddRequestAsync(request, cancellation, _ => done(details => details["request"] = request.Id));
        return request;
    }

    private static AdministrationException Gone() =>
        new("there is no such request: it was approved, withdrawn, or is older than 24 hours", AdministrationFailure.NotFound);
}
