using System.Text;
using System.Text.Json;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>An enclave's statement about itself as the text that evidence covers. Source: docs/broker-protocol.md. secrets: none.</summary>
public static class EnclaveStatementText
{
    /// <summary>JSON of the statement, ASCII.</summary>
    /// <exception cref="BrokerException">Refused: it is longer than a broker accepts.</exception>
    public static string Write(EnclaveStatement statement)
    {
        string text = JsonSerializer.Serialize(new StatementEnvelope(statement), KbsJson.Default.StatementEnvelope);
        return Encoding.UTF8.GetByteCount(text) <= KbsPaths.MaxStatementSize
            ? text
            : throw new BrokerException(BrokerFailure.Refused, "statement", $"it has more than {KbsPaths.MaxStatementSize} bytes");
    }
}
