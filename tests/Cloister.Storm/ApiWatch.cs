using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Storm;

/// <summary>A client's list and watch of all Secrets of an API server, taken up again where it broke off; listed again where the API server says that this is too long ago.</summary>
/// <param name="api">An API server, without a limit in time.</param>
internal sealed class ApiWatch(HttpClient api)
{
    private readonly List<ApiObservation> _seen = [];
    private long _revision = -1;

    /// <summary>Lists and events in the order in which they came.</summary>
    internal IReadOnlyList<ApiObservation> Seen => _seen;

    /// <summary>The newest revision that was seen.</summary>
    internal long Revision => Volatile.Read(ref _revision);

    internal int Lists => _seen.Count(one => one.Listed is not null);

    /// <summary>Why it last broke off.</summary>
    internal string Last { get; private set; } = "";

    internal async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (Revision < 0)
                {
                    await ListAsync(stop);
                }

                await WatchAsync(stop);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or JsonException)
            {
                Last = e.Message;
            }

            await Task.Delay(100, CancellationToken.None);
        }
    }

    private async Task ListAsync(CancellationToken stop)
    {
        JsonNode list = JsonNode.Parse(await api.GetStringAsync("/api/v1/secrets", stop))!;
        Add(new ApiObservation(
            RevisionOf(list["metadata"]!),
            Listed: list["items"]!.AsArray().ToDictionary(item => (string)item!["metadata"]!["name"]!, item => RevisionOf(item!["metadata"]!))));
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        using HttpResponseMessage response = await api.GetAsync(
            $"/api/v1/secrets?watch=1&resourceVersion={Revision}", HttpCompletionOption.ResponseHeadersRead, stop);
        if (response.StatusCode == HttpStatusCode.Gone)
        {
            Volatile.Write(ref _revision, -1);
            return;
        }

        response.EnsureSuccessStatusCode();
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync(stop));
        while (await lines.ReadLineAsync(stop) is { } line)
        {
            // The last line may have been cut off: that is no JSON.
            JsonNode message = JsonNode.Parse(line)!;
            string type = (string)message["type"]!;
            JsonNode content = message["object"]!;
            if (type == "ERROR")
            {
                Last = content.ToJsonString();
                if ((int?)content["code"] == (int)HttpStatusCode.Gone)
                {
                    Volatile.Write(ref _revision, -1);
                }

                return;
            }

            JsonNode metadata = content["metadata"]!;
            Add(new ApiObservation(RevisionOf(metadata), type, (string)metadata["name"]!, SecretWriter.PasswordOf(content)));
        }

        Last = "ended";
    }

    private void Add(ApiObservation observation)
    {
        _seen.Add(observation);
        Volatile.Write(ref _revision, observation.Revision);
    }

    private static long RevisionOf(JsonNode metadata) => long.Parse((string)metadata["resourceVersion"]!, CultureInfo.InvariantCulture);
}
