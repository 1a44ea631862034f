namespace Cloister.Broker.Administration;

/// <summary>Names of roles in configurations and messages: auditor, operator, keyCustodian.</summary>
public static class AdministratorRoles
{
    private static readonly (string Name, AdministratorRole Role)[] All =
    [
        ("auditor", AdministratorRole.Auditor), ("operator", AdministratorRole.Operator), ("keyCustodian", AdministratorRole.KeyCustodian),
    ];

    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(known => known.Name)];

    /// <summary>The role of a name; false when there is none.</summary>
    public static bool TryParse(string name, out AdministratorRole role)
    {
        role = All.FirstOrDefault(known => known.Name == name).Role;
        return role != AdministratorRole.None;
    }

    /// <summary>The names of roles.</summary>
    public static IReadOnlyList<string> NamesOf(AdministratorRole roles) => [.. All.Where(known => roles.HasFlag(known.Role)).Select(known => known.Name)];
}
