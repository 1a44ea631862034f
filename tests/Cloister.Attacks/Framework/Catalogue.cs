namespace Cloister.Attacks.Framework;

/// <summary>All attacks, by attacker and name.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<Attack> All { get; } =
    [
        .. typeof(Attack).Assembly.GetTypes()
            .Where(type => type is { IsAbstract: false } && type.IsSubclassOf(typeof(Attack)))
            .Select(type => (Attack)Activator.CreateInstance(type, nonPublic: true)!)
            .OrderBy(attack => attack.Attacker).ThenBy(attack => attack.Promise).ThenBy(attack => attack.Name, StringComparer.Ordinal),
    ];
}
