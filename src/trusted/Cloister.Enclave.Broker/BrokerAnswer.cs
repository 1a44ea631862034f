using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>One answer of a broker, read whole. secrets: none in clear.</summary>
internal sealed record BrokerAnswer(string Broker, HttpStatusCode Status, byte[] Body, string? Cookie)
{
    /// <summary>The message, when it is one.</summary>
    /// <exception cref="BrokerException">What the error means, or Refused for what is not well-formed.</exception>
    internal T Read<T>(string step, JsonTypeInfo<T> type)
    {
        if (Status != HttpStatusCode.OK)
        {
            throw Failure(step);
        }

        try
        {
            return JsonSerializer.Deserialize(Body, type) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new BrokerException(BrokerFailure.Refused, step, $"the answer of {Broker} is not well-formed");
        }
    }

    /// <summary>True when another broker may do better.</summary>
    internal bool IsBusy => (int)Status >= 500 || Status == HttpStatusCode.TooManyRequests;

    private BrokerException Failure(string step)
    {
        KbsError error = new("", "");
        try
        {
            error = JsonSerializer.Deserialize(Body, KbsJson.Default.KbsError) ?? error;
        }
        catch (JsonException)
        {
            // Not from a broker, perhaps from something in between: the status says enough.
        }

        string name = error.Type.StartsWith(KbsPaths.ErrorTypePrefix, StringComparison.Ordinal) ? error.Type[KbsPaths.ErrorTypePrefix.Length..] : "";
        BrokerFailure failure = name switch
        {
            "LeaseRevoked" => BrokerFailure.Revoked,
            "KekNotFound" => BrokerFailure.NotFound,
            "TokenNotFound" or "TokenVerifierError" => BrokerFailure.LeaseOver,
            _ => IsBusy ? BrokerFailure.Unavailable : BrokerFailure.Refused,
        };
        return new BrokerException(failure, step, $"{Broker} answers {(int)Status} {Printable(name)} {Printable(error.Detail)}".TrimEnd());
    }

    // It goes to logs and Status.
    private static string Printable(string text) =>
        new([.. text.Take(256).Select(c => c is >= ' ' and <= '~' ? c : '?')]);
}
