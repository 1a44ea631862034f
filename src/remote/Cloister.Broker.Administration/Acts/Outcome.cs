using Cloister.AdminApi;
using Cloister.Broker.State.Requests;

namespace Cloister.Broker.Administration.Acts;

/// <summary>What came of an act that may take two administrators. secrets: none.</summary>
/// <param name="Done">What it answers; null: it waits.</param>
/// <param name="Waiting">The request that another administrator has to approve; null: it is done.</param>
public sealed record Outcome<T>(T? Done, PendingRequest? Waiting)
    where T : class;

/// <summary>Runs acts that may take two.</summary>
internal static class Outcomes
{
    /// <summary>Does an act, or leaves a request.</summary>
    /// <param name="consent">What the rule says of it.</param>
    /// <param name="run">Does it and answers, as the administrator that it is given.</param>
    internal static async Task<Outcome<T>> RunAsync<T>(Task<Consent> consent, Func<Administrator, Task<T>> run)
        where T : class
    {
        Consent given = await consent;
        return given.Waiting is { } waiting ? new Outcome<T>(null, MessageOf(waiting)) : new Outcome<T>(await run(given.By), null);
    }

    /// <summary>A request as it is told.</summary>
    internal static PendingRequest MessageOf(PendingAct request) =>
        new(request.Id, request.Act, request.Parameters, request.By, request.At, request.ExpiresAt) { Digest = TwoPersonRule.DigestOf(request.Act, request.Parameters) };
}
