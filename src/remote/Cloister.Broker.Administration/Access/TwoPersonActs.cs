namespace Cloister.Broker.Administration;

/// <summary>
/// The acts that decide who gets a KEK, or that cannot be taken back: those that may take two administrators. What is not here only takes away
/// (revoke, disable), or makes keys that nobody has used yet (create, rotate).
/// </summary>
public static class TwoPersonActs
{
    /// <summary>Destroying a KEK version.</summary>
    public const string Destroy = "destroy";

    /// <summary>Taking recovery shares of one, or of the authority's key.</summary>
    public const string Export = "export";

    /// <summary>Setting a policy.</summary>
    public const string SetPolicy = "setPolicy";

    /// <summary>Putting another policy in charge of a KEK.</summary>
    public const string SetKekPolicy = "setKekPolicy";

    /// <summary>Taking a revocation back.</summary>
    public const string LiftRevocation = "liftRevocation";

    /// <summary>Enabling a KEK version that was disabled.</summary>
    public const string Enable = "enable";

    /// <summary>Taking an order to destroy back.</summary>
    public const string CancelDestroy = "cancelDestroy";

    /// <summary>Taking a KEK version in from recovery shares.</summary>
    public const string Restore = "restore";

    private static readonly Dictionary<string, AdministratorRole> Roles = new(StringComparer.Ordinal)
    {
        [Destroy] = AdministratorRole.KeyCustodian, [Export] = AdministratorRole.KeyCustodian, [Enable] = AdministratorRole.KeyCustodian,
        [CancelDestroy] = AdministratorRole.KeyCustodian, [Restore] = AdministratorRole.KeyCustodian,
        [SetPolicy] = AdministratorRole.Operator, [SetKekPolicy] = AdministratorRole.Operator, [LiftRevocation] = AdministratorRole.Operator,
    };

    /// <summary>Every one, by name.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Roles.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The role that an act takes, of who asks and of who approves.</summary>
    public static AdministratorRole RoleOf(string act) => Roles[act];

    /// <summary>The acts for which there are two administrators at least: what takes two where the configuration does not say.</summary>
    public static IReadOnlyList<string> DefaultFor(IEnumerable<Administrator> administrators)
    {
        Administrator[] persons = [.. administrators.DistinctBy(one => one.Name)];
        return [.. All.Where(act => persons.Count(one => one.Roles.HasFlag(RoleOf(act))) >= 2)];
    }
}
