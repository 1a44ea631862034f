using System.Net;
using System.Security.Cryptography;
using Cloister.Broker.Administration;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Reads <c>admin</c>.</summary>
internal static class AdminSectionReader
{
    private const string PinPrefix = "sha256:";

    /// <summary>The section; null when it is not there, or after an error.</summary>
    public static AdminSection? Read(SectionReader root)
    {
        if (root.Section("admin") is not { } section)
        {
            return null;
        }

        IPEndPoint? listen = section.Required("listen", BrokerConfigurationReader.ParseEndPoint);
        List<PinnedAdministrator> administrators = [];
        foreach (SectionReader item in section.Sections("administrators"))
        {
            IReadOnlyList<PinnedAdministrator> one = ReadAdministrator(item);
            if (one.Count > 0 && administrators.Any(known => string.Equals(known.Name, one[0].Name, StringComparison.OrdinalIgnoreCase)))
            {
                item.Fail("name", "two have the same name: acts must show who did them. Several keys of one person are 'keys: [...]'");
            }

            administrators.AddRange(one);
        }

        IReadOnlyList<string> twoPersons = section.Has("twoPersons")
            ? section.Words("twoPersons", TwoPersonActs.All)
            : TwoPersonActs.DefaultFor(administrators.Select(one => new Administrator(one.Name, one.Roles)));
        bool restoreUnknown = section.Optional("restoreUnknown", ParseAllowed) is not null;
        SectionReader? pages = section.IsSection("console") ? section.Section("console") : null;
        bool console = pages is not null || section.Optional("console", ParseEnabled) is not null;
        SignOnSection? signOn = pages?.RequiredSection("signOn", "how people sign on at an OpenID provider; a console without that is 'console: enabled'") is { } how ? SignOnSection.Read(how) : null;
        pages?.Finish();
        section.Finish();
        if (administrators.Count == 0)
        {
            section.Fail("administrators", "nobody could administer: name one or more, each with name, key and roles");
        }

        if (administrators.DistinctBy(one => one.Key).Count() < administrators.Count)
        {
            section.Fail("administrators", "two have the same key: acts must show who did them");
        }

        return listen is null ? null : new AdminSection(listen, administrators, twoPersons, restoreUnknown, console, signOn);
    }

    // Once for each key.
    private static IReadOnlyList<PinnedAdministrator> ReadAdministrator(SectionReader section)
    {
        string? name = section.Required("name", ParseName);
        IReadOnlyList<string> keys = section.Has("keys")
            ? section.Texts("keys", ParsePin)
            : section.Required("key", ParsePin) is { } key ? [key] : [];
        IReadOnlyList<string> words = section.Words("roles", AdministratorRoles.Names);
        section.Finish();
        AdministratorRole roles = words.Aggregate(AdministratorRole.None, (all, word) => AdministratorRoles.TryParse(word, out AdministratorRole role) ? all | role : all);
        if (roles == AdministratorRole.None)
        {
            section.Fail("roles", $"expected one or more of: {string.Join(", ", AdministratorRoles.Names)}");
        }

        return name is null ? [] : [.. keys.Select(key => new PinnedAdministrator(name, key, roles))];
    }

    private static string ParseName(string text) => text.Length > 0 && text.Trim() == text && !text.Any(char.IsControl)
        && !text.Contains(ProviderSubject.Between, StringComparison.Ordinal)
        ? text
        : throw new FormatException($"must not be empty, nor begin or end with a space, nor have '{ProviderSubject.Between}' in it, as who signs on has");

    private static string ParseAllowed(string text) =>
        text == "allowed" ? text : throw new FormatException("expected allowed, as long as KEKs are restored whose record was lost with the database");

    private static string ParseEnabled(string text) => text == "enabled" ? text : throw new FormatException("expected enabled: pages for administrators' browsers on the same address; or a section with signOn");

    private static string ParsePin(string text)
    {
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        return text.StartsWith(PinPrefix, StringComparison.Ordinal) && Convert.TryFromBase64String(text[PinPrefix.Length..], digest, out int length) && length == digest.Length
            ? PinPrefix + Convert.ToBase64String(digest)
            : throw new FormatException("expected sha256: and base64 of SHA-256 of the client's SubjectPublicKeyInfo");
    }
}
