using System.Net;
using System.Security.Cryptography;
using Cloister.Broker.Administration;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Reads <c>admin</c>.</summary>
internal static class AdminSectionReader
{
    private const string PinPrefix = "sha256:";

    private static readonly Dictionary<string, AdministratorRole> Roles = new(StringComparer.Ordinal)
    {
        ["auditor"] = AdministratorRole.Auditor,
        ["operator"] = AdministratorRole.Operator,
        ["keyCustodian"] = AdministratorRole.KeyCustodian,
    };

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
            if (ReadAdministrator(item) is { } administrator)
            {
                administrators.Add(administrator);
            }
        }

        IReadOnlyList<string> twoPersons = section.Words("twoPersons", ["destroy", "export"]);
        section.Finish();
        if (administrators.Count == 0)
        {
            section.Fail("administrators", "nobody could administer: name one or more, each with name, key and roles");
        }

        if (administrators.DistinctBy(one => one.Key).Count() < administrators.Count || administrators.DistinctBy(one => one.Name).Count() < administrators.Count)
        {
            section.Fail("administrators", "two have the same name or key: acts must show who did them");
        }

        return listen is null ? null : new AdminSection(listen, administrators, twoPersons);
    }

    private static PinnedAdministrator? ReadAdministrator(SectionReader section)
    {
        string? name = section.Required("name", SectionReader.NotEmpty);
        string? key = section.Required("key", ParsePin);
        IReadOnlyList<string> words = section.Words("roles", Roles.Keys);
        section.Finish();
        AdministratorRole roles = words.Aggregate(AdministratorRole.None, (all, word) => all | Roles.GetValueOrDefault(word));
        if (roles == AdministratorRole.None)
        {
            section.Fail("roles", $"expected one or more of: {string.Join(", ", Roles.Keys)}");
        }

        return name is null || key is null ? null : new PinnedAdministrator(name, key, roles);
    }

    private static string ParsePin(string text)
    {
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        return text.StartsWith(PinPrefix, StringComparison.Ordinal) && Convert.TryFromBase64String(text[PinPrefix.Length..], digest, out int length) && length == digest.Length
            ? PinPrefix + Convert.ToBase64String(digest)
            : throw new FormatException("expected sha256: and base64 of SHA-256 of the client's SubjectPublicKeyInfo");
    }
}
