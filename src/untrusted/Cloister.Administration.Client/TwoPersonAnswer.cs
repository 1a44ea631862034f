using Cloister.AdminApi;

namespace Cloister.Administration.Client;

/// <summary>Of an act that may take two administrators: it was done, or it waits. One of both is not null.</summary>
/// <param name="Done">What was done.</param>
/// <param name="Waiting">The request that another administrator has to approve.</param>
public sealed record TwoPersonAnswer<T>(T? Done, PendingRequest? Waiting)
    where T : class;
