using Cloister.Contracts.Keys;

namespace Cloister.Enclave.Configuration;

/// <summary>Reads <c>gateway.keks</c>: KEKs by namespace. secrets: none.</summary>
internal static class NamespaceKeksSection
{
    private const int MaxRules = 64;
    private const int MaxNamespaces = 1024;
    private const int MaxKeks = 16;

    internal static KekRules Read(ConfigurationMapping gateway, string custody)
    {
        List<KekRule> rules = [];
        foreach (ConfigurationMapping rule in gateway.Mappings("keks"))
        {
            IReadOnlyList<string> namespaces = rule.List("namespaces", Namespace);
            if (namespaces.Count is 0 or > MaxNamespaces)
            {
                rule.Fail("namespaces", $"1 to {MaxNamespaces} names of namespaces, or beginnings with * behind, such as [payments, team-*]");
            }

            string kek = rule.Parsed("kek", "-", BrokerSection.KekName, required: true);
            rule.RefuseUnknown();
            if (namespaces.Count > 0 && KekIdentity.IsValidName(kek))
            {
                rules.Add(new KekRule(namespaces, kek));
            }
        }

        KekRules keks = new(rules);
        if (rules.Count > MaxRules || keks.Keks.Count > MaxKeks)
        {
            gateway.Fail("keks", $"at most {MaxRules} rules and {MaxKeks} KEKs: each KEK has a lease of its own");
        }

        if (rules.Count > 0 && custody is not ("manual" or "attested"))
        {
            gateway.Fail("keks", $"custody {custody} has one KEK for all namespaces: use custody attested or manual, or leave keks out");
        }

        return keks;
    }

    private static string Namespace(string text) =>
        KekRule.IsNamespacePattern(text) ? text : throw new FormatException("the name of a namespace, or a beginning of one with * behind");
}
