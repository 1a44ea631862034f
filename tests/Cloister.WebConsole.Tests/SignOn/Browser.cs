using System.Net;
using System.Text.RegularExpressions;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>What a browser does when somebody signs on, a step at a time, with cookies of its own.</summary>
internal sealed partial class Browser : IDisposable
{
    private readonly HttpClientHandler _handler = new()
    {
        AllowAutoRedirect = false, UseProxy = false, CookieContainer = new CookieContainer(), ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
    };

    private readonly Uri _console;
    private readonly string _issuer;
    private readonly HttpClient _client;

    /// <summary>A browser without a session.</summary>
    /// <param name="console">Where people sign on.</param>
    /// <param name="issuer">The provider's.</param>
    internal Browser(Uri console, string issuer) => (_console, _issuer, _client) = (console, issuer, new HttpClient(_handler) { BaseAddress = console });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Opens a page.</summary>
    internal Task<HttpResponseMessage> GetAsync(string path) => _client.GetAsync(new Uri(_console, path), Cancellation);

    /// <summary>Goes to the provider.</summary>
    /// <returns>Where it sends the browser back to.</returns>
    internal async Task<Uri> GoAsync(string path = "/console/")
    {
        using HttpResponseMessage invited = await InvitedAsync(path);
        Assert.Equal(HttpStatusCode.Redirect, invited.StatusCode);
        Assert.StartsWith(_issuer + "authorize?", invited.Headers.Location!.ToString(), StringComparison.Ordinal);
        using HttpResponseMessage back = await _client.GetAsync(invited.Headers.Location, Cancellation);
        Assert.Equal(HttpStatusCode.Redirect, back.StatusCode);
        return back.Headers.Location!;
    }

    /// <summary>Opens a page without a session. On a busy machine a provider can be too slow for the console, which says so: a person opens the page again.</summary>
    /// <returns>What sends the browser to the provider.</returns>
    internal async Task<HttpResponseMessage> InvitedAsync(string path)
    {
        for (int attempt = 1; ; attempt++)
        {
            HttpResponseMessage answer = await GetAsync(path);
            if (answer.StatusCode != HttpStatusCode.ServiceUnavailable || attempt == 5)
            {
                return answer;
            }

            answer.Dispose();
        }
    }

    /// <summary>Comes back.</summary>
    internal Task<HttpResponseMessage> ReturnAsync(Uri back) => _client.GetAsync(back, Cancellation);

    /// <summary>Signs on.</summary>
    internal async Task<HttpStatusCode> SignOnAsync()
    {
        using HttpResponseMessage answer = await ReturnAsync(await GoAsync());
        return answer.StatusCode;
    }

    /// <summary>Whether there is a session: the page is shown.</summary>
    internal async Task<bool> IsSignedOnAsync()
    {
        using HttpResponseMessage answer = await GetAsync("/console/");
        return answer.StatusCode == HttpStatusCode.OK;
    }

    /// <summary>Sends a form of a page.</summary>
    /// <param name="page">The page that has it.</param>
    /// <param name="action">Where it is sent to.</param>
    /// <param name="fields">Its fields.</param>
    internal async Task<HttpResponseMessage> SendAsync(string page, string action, params (string Name, string Value)[] fields) =>
        await PostAsync(action, await TokenAsync(page, action), fields);

    /// <summary>Sends a form with a token.</summary>
    internal async Task<HttpResponseMessage> PostAsync(string action, string token, params (string Name, string Value)[] fields)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, new Uri(_console, action));
        request.Headers.Add("Origin", _console.ToString().TrimEnd('/'));
        request.Content = new FormUrlEncodedContent([new("token", token), .. fields.Select(field => KeyValuePair.Create(field.Name, field.Value))]);
        return await _client.SendAsync(request, Cancellation);
    }

    /// <summary>The token of a form.</summary>
    internal async Task<string> TokenAsync(string page, string action)
    {
        using HttpResponseMessage answer = await GetAsync(page);
        string html = await answer.Content.ReadAsStringAsync(Cancellation);
        Match form = Form().Matches(html).FirstOrDefault(match => match.Groups[1].Value == action) ?? throw new InvalidOperationException($"no form to {action} on {page}");
        return form.Groups[2].Value;
    }

    /// <summary>The cookies that the console gave.</summary>
    internal CookieCollection Cookies => _handler.CookieContainer.GetCookies(_console);

    /// <summary>Takes cookies from elsewhere.</summary>
    internal void Take(CookieCollection cookies) => _handler.CookieContainer.Add(_console, cookies);

    public void Dispose()
    {
        _client.Dispose();
        _handler.Dispose();
    }

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]+)\"[^>]*>\\s*<input type=\"hidden\" name=\"token\" value=\"([^\"]+)\"")]
    private static partial Regex Form();
}
