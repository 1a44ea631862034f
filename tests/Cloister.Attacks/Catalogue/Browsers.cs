using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Cloister.Attacks.Framework;

namespace Cloister.Attacks.Catalogue;

/// <summary>A page of another site sends, with the certificate of an administrator whose browser shows it to whoever's page asks.</summary>
internal sealed class CrossSiteRequest() : AdministrationAttack(
    "cross-site-request-to-administration", Attacker.Client, "a page that an administrator's browser shows, and with it their certificate",
    "what a browser says that another site's page sent (Sec-Fetch-Site, Origin) reaches no act")
{
    protected override async Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop)
    {
        Trial[] foreign =
        [
            await RevokeAsync(administrators, stop, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Origin", "https://evil.example")),
            await RevokeAsync(administrators, stop, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")),
            await RevokeAsync(administrators, stop, ("Origin", "https://evil.example")),
            await RevokeAsync(administrators, stop, ("Origin", "null")),
        ];
        return new Outcome(foreign.FirstOrDefault(trial => trial.Succeeded) ?? foreign[0], await RevokeAsync(administrators, stop) with { Detail = "sent by a program, with the same certificate: revoked" });
    }

    private static async Task<Trial> RevokeAsync(Administrators administrators, CancellationToken stop, params (string Name, string Value)[] headers)
    {
        using HttpClient http = administrators.As(administrators.Alice);
        using HttpRequestMessage request = new(HttpMethod.Post, "/admin/v1/revocations") { Content = JsonContent.Create(new { kind = "kek", value = "secrets", reason = "an attack" }) };
        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using HttpResponseMessage answer = await http.SendAsync(request, stop);
        return answer.IsSuccessStatusCode ? Trial.Success("revoked") : Trial.Refused($"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(stop)}");
    }
}

/// <summary>Somebody gets a form with a token of his own sent in the name of another administrator.</summary>
internal sealed partial class ConsoleFormOfAnother() : AdministrationAttack(
    "console-form-of-another-administrator", Attacker.Insider, "a form of the console with a token of his own, sent with the certificate of another administrator",
    "a form is good for the key that its page was given to")
{
    private const string Act = "/console/keys/secrets/versions/1/disable";

    protected override async Task<Outcome> TryAsync(Administrators administrators, CancellationToken stop) => new(
        await SendAsync(administrators, await TokenAsync(administrators, administrators.Bob, stop), stop),
        await SendAsync(administrators, await TokenAsync(administrators, administrators.Alice, stop), stop) with { Detail = "with the token of her own page: disabled" });

    private static async Task<string> TokenAsync(Administrators administrators, X509Certificate2 who, CancellationToken stop)
    {
        using HttpClient http = administrators.As(who);
        string page = await http.GetStringAsync("/console/keys/secrets", stop);
        return WebUtility.HtmlDecode(Token().Match(page).Groups[1].Value);
    }

    private static async Task<Trial> SendAsync(Administrators administrators, string token, CancellationToken stop)
    {
        using HttpClient http = administrators.As(administrators.Alice);
        using HttpRequestMessage request = new(HttpMethod.Post, Act) { Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = token, ["waived"] = "yes" }) };
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", "same-origin");
        using HttpResponseMessage answer = await http.SendAsync(request, stop);
        return (int)answer.StatusCode < 400 && token.Length > 0 ? Trial.Success("disabled") : Trial.Refused($"{(int)answer.StatusCode}: the form is not of a page of hers");
    }

    [GeneratedRegex($"action=\"{Act}\"[^>]*>\\s*<input type=\"hidden\" name=\"token\" value=\"([^\"]+)\"")]
    private static partial Regex Token();
}
