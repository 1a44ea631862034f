using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Administration;

/// <summary>Who acts. Made by whoever authenticated them.</summary>
/// <param name="Name">For the audit log.</param>
/// <param name="Roles">What they may do.</param>
public sealed record Administrator(string Name, AdministratorRole Roles)
{
    /// <summary>Of an act that took two: who asked for it, which is somebody else. Empty otherwise.</summary>
    public string RequestedBy { get; init; } = "";

    /// <summary>The approval of such an act, which goes with its entry in the audit log; null: it took none.</summary>
    internal UsedApproval? Approval { get; init; }
}
