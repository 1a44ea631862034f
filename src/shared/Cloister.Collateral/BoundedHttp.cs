namespace Cloister.Collateral;

/// <summary>HTTP GET with a bounded body and no redirects.</summary>
internal sealed class BoundedHttp(HttpClient client)
{
    /// <summary>Body and one header (null when <paramref name="headers"/> is empty) of a 200 answer.</summary>
    public async Task<(byte[] Body, string? Header)> GetAsync(Uri uri, int maximumLength, CancellationToken cancellationToken, params string[] headers)
    {
        try
        {
            using HttpResponseMessage response = await client.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                throw new CollateralException("http_status", $"{uri} answered {(int)response.StatusCode}");
            }

            byte[] body = await ReadAsync(response, uri, maximumLength, cancellationToken);
            return (body, Header(response, headers));
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new CollateralException("unreachable", $"{uri}: {e.GetBaseException().Message}", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CollateralException("unreachable", $"{uri} did not answer in time", e);
        }
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, Uri uri, int maximumLength, CancellationToken cancellationToken)
    {
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using MemoryStream body = new();
        byte[] buffer = new byte[16 * 1024];
        for (int read; (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            if (body.Length + read > maximumLength)
            {
                throw new CollateralException("too_large", $"{uri} answered more than {maximumLength} bytes");
            }

            body.Write(buffer, 0, read);
        }

        return body.ToArray();
    }

    private static string? Header(HttpResponseMessage response, string[] names)
    {
        foreach (string name in names)
        {
            if (response.Headers.TryGetValues(name, out IEnumerable<string>? values) || response.Content.Headers.TryGetValues(name, out values))
            {
                return string.Join(",", values);
            }
        }

        return null;
    }
}
