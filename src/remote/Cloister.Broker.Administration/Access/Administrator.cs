using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Administration;

/// <summary>A person as an OpenID provider knows them. Source: OpenID Connect Core 1.0, section 5.7: the two together name a person, and nothing else does.</summary>
/// <param name="Issuer">The provider.</param>
/// <param name="Subject">Its name for the person.</param>
public sealed record ProviderSubject(string Issuer, string Subject)
{
    /// <summary>Between the two in a name; no administrator of a configuration has it in theirs.</summary>
    public const string Between = " at https://";

    /// <summary>For the audit log: <c>SUBJECT at ISSUER</c>.</summary>
    public string Name => $"{Subject} at {Issuer}";
}

/// <summary>Who acts. Made by whoever authenticated them.</summary>
/// <param name="Name">For the audit log.</param>
/// <param name="Roles">What they may do.</param>
public sealed record Administrator(string Name, AdministratorRole Roles)
{
    /// <summary>Of an act that took two: who asked for it, which is somebody else. Empty otherwise.</summary>
    public string RequestedBy { get; init; } = "";

    /// <summary>As whom an OpenID provider knows them; null: they showed an administrator's certificate.</summary>
    public ProviderSubject? SignedOn { get; init; }

    /// <summary>The approval of such an act, which goes with its entry in the audit log; null: it took none.</summary>
    internal UsedApproval? Approval { get; init; }
}
