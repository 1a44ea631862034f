using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Broker.State;
using Cloister.Broker.State.Requests;

namespace Cloister.Broker.Administration;

/// <summary>
/// Acts that take two administrators: the first call leaves a request, the call of another one with the same parameters approves it, once. Requests
/// are in the broker's state, so that they outlive it and hold at every broker of a database. Thread-safe. secrets: none in parameters.
/// </summary>
public sealed class TwoPersonRule
{
    /// <summary>Destroying a KEK version.</summary>
    public const string Destroy = "destroy";

    /// <summary>Taking recovery shares of one.</summary>
    public const string Export = "export";

    /// <summary>How long a request can be approved.</summary>
    public static readonly TimeSpan RequestLifetime = TimeSpan.FromHours(24);

    private readonly IBrokerState _state;
    private readonly AuditedActs _acts;
    private readonly TimeProvider _time;

    /// <summary>A rule for these acts.</summary>
    /// <exception cref="ArgumentException">Not <see cref="Destroy"/> or <see cref="Export"/>.</exception>
    public TwoPersonRule(IEnumerable<string> acts, IBrokerState state, TimeProvider time)
    {
        Acts = [.. acts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (Acts.FirstOrDefault(act => act is not (Destroy or Export)) is { } unknown)
        {
            throw new ArgumentException($"there is no two-person rule for {unknown}: there is for {Destroy} and {Export}");
        }

        (_state, _acts, _time) = (state, new AuditedActs(state), time);
    }

    /// <summary>The acts that take two.</summary>
    public IReadOnlyList<string> Acts { get; }

    /// <summary>Asks whether an act may be done now. A request that is approved by this is used up.</summary>
    /// <param name="by">Who asks.</param>
    /// <param name="role">The role that the act takes.</param>
    /// <param name="act">The act.</param>
    /// <param name="parameters">All that says what it does, always in the same order.</param>
    /// <param name="approve">The request that this approves, or null.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>Null: do it. Otherwise it waits for another administrator.</returns>
    /// <exception cref="AdministrationException">No role, or not what or who could approve.</exception>
    public async Task<PendingAct?> AskAsync(
        Administrator by, AdministratorRole role, string act, JsonObject parameters, string? approve, CancellationToken cancellation)
    {
        if (!Acts.Contains(act))
        {
            return approve is null
                ? null
                : throw new AdministrationException($"{act} takes one administrator here: leave the approval out", AdministrationFailure.BadRequest);
        }

        string text = parameters.ToJsonString();
        JsonObject details = new() { ["request"] = approve ?? "", ["act"] = act, ["parameters"] = text };
        if (approve is null)
        {
            return await _acts.RunAsync(by, role, "request.made", details, () => AddAsync(by, act, text, details, cancellation));
        }

        return await _acts.RunAsync<PendingAct?>(by, role, "request.approved", details, async () =>
        {
            PendingAct request = await _state.FindRequestAsync(approve, cancellation) ?? throw Gone();
            if (request.By == by.Name)
            {
                throw new AdministrationException("who asked cannot approve: another administrator has to");
            }

            if (request.Act != act || request.Parameters != text)
            {
                throw new AdministrationException($"the request is for something else: {request.Act} {request.Parameters}");
            }

            details["requestedBy"] = request.By;
            return await _state.TakeRequestAsync(approve, cancellation) ? null : throw Gone();
        });
    }

    /// <summary>Withdraws a request: who made it, or a key custodian.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="AdministrationException">Neither of them.</exception>
    public async Task<bool> WithdrawAsync(Administrator by, string id, CancellationToken cancellation)
    {
        PendingAct? request = await _state.FindRequestAsync(id, cancellation);
        return request is not null && await _acts.RunAsync(
            by, request.By == by.Name ? AdministratorRole.None : AdministratorRole.KeyCustodian, "request.withdrawn", new JsonObject { ["request"] = id },
            () => _state.TakeRequestAsync(id, cancellation));
    }

    private async Task<PendingAct?> AddAsync(Administrator by, string act, string parameters, JsonObject details, CancellationToken cancellation)
    {
        DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds());
        PendingAct request = new(RandomNumberGenerator.GetHexString(32, lowercase: true), act, parameters, by.Name, now, now + RequestLifetime);
        await _state.AddRequestAsync(request, cancellation);
        details["request"] = request.Id;
        return request;
    }

    private static AdministrationException Gone() =>
        new("there is no such request: it was approved, withdrawn, or is older than 24 hours", AdministrationFailure.NotFound);
}
