using Cloister.AdminApi;

namespace Cloister.Administration.Client;

/// <summary>The act was not done: it waits for another administrator, who repeats it with <c>approve</c>.</summary>
/// <param name="request">What waits.</param>
public sealed class ApprovalNeededException(PendingRequest request)
    : Exception($"{request.Act} takes two administrators here: another one has to approve request {request.Id}")
{
    /// <summary>What waits.</summary>
    public PendingRequest Request { get; } = request;
}
