using System.Net;
using Cloister.Broker.Administration;
using Cloister.Broker.WebConsole.SignOn;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Where and how people sign on to the console.</summary>
/// <param name="Listen">Address; port 0: any.</param>
/// <param name="Options">The provider, and what it gives.</param>
/// <param name="SecretFile">Where the client's secret is; null: there is none.</param>
internal sealed record SignOnSection(IPEndPoint Listen, SignOnOptions Options, string? SecretFile)
{
    private const string Reader = "reader";
    private const int MostMinutes = 12 * 60;

    /// <summary>Reads <c>admin.console.signOn</c>; null after an error.</summary>
    internal static SignOnSection? Read(SectionReader section)
    {
        IPEndPoint? listen = section.Required("listen", BrokerConfigurationReader.ParseEndPoint);
        Uri? url = section.Required("url", ParseOrigin);
        string? issuer = section.Required("issuer", ParseIssuer);
        string? client = section.Required("clientId", SectionReader.NotEmpty);
        string? secret = section.Optional("clientSecretFile", SectionReader.AbsolutePath);
        string? ca = section.Optional("ca", SectionReader.AbsolutePath);
        string? claim = section.Required("roleClaim", SectionReader.NotEmpty);
        string? minutes = section.Optional("sessionMinutes", ParseMinutes);
        List<SignOnRole> roles = [];
        foreach (SectionReader item in section.Sections("roles"))
        {
            string? value = item.Required("value", SectionReader.NotEmpty);
            IReadOnlyList<string> words = item.Words("gives", [Reader, .. AdministratorRoles.Names]);
            item.Finish();
            if (words.Count == 0)
            {
                item.Fail("gives", $"expected one or more of: {Reader}, {string.Join(", ", AdministratorRoles.Names)}");
            }

            if (value is not null)
            {
                roles.Add(new SignOnRole(value, words.Aggregate(AdministratorRole.None, (all, word) => AdministratorRoles.TryParse(word, out AdministratorRole role) ? all | role : all)));
            }
        }

        section.Finish();
        if (roles.Count == 0)
        {
            section.Fail("roles", "nobody could sign on: name values of the claim, each with what it gives");
        }

        return listen is null || url is null || issuer is null || client is null || claim is null ? null : new SignOnSection(listen, new SignOnOptions
        {
            Url = url,
            Issuer = issuer,
            ClientId = client,
            CaFile = ca,
            RoleClaim = claim,
            Roles = roles,
            SessionLifetime = TimeSpan.FromMinutes(minutes is null ? 60 : int.Parse(minutes, System.Globalization.CultureInfo.InvariantCulture)),
        }, secret);
    }

    /// <summary>The client's secret; null: there is none.</summary>
    /// <exception cref="FormatException">The file holds none.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal string? ReadSecret()
    {
        string? secret = SecretFile is null ? null : File.ReadAllText(SecretFile).TrimEnd('\r', '\n');
        return secret?.Length == 0 ? throw new FormatException($"{SecretFile} is empty") : secret;
    }

    // What people come back to: a path of it would be another console's.
    private static Uri ParseOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps && url.PathAndQuery == "/" && url.Fragment.Length == 0 && url.UserInfo.Length == 0
            ? url
            : throw new FormatException("expected https://HOST:PORT, as browsers know this console");

    private static string ParseIssuer(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps && url.Query.Length == 0 && url.Fragment.Length == 0 && url.UserInfo.Length == 0
            ? text
            : throw new FormatException("expected the provider's issuer, an https URL as its tokens have it");

    private static string ParseMinutes(string text) =>
        int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int minutes) && minutes is >= 1 and <= MostMinutes
            ? text
            : throw new FormatException($"expected minutes, 1 to {MostMinutes}");
}
