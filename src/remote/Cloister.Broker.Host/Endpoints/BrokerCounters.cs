using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Counts answers, for Prometheus. Thread-safe.</summary>
internal sealed class BrokerCounters
{
    private readonly ConcurrentDictionary<(string Route, string Result), long> _answers = new();

    /// <summary>Counts an answer: <c>ok</c>, <c>gone</c> or the name of an error.</summary>
    public void Count(string route, string result) => _answers.AddOrUpdate((route, result), 1, (_, count) => count + 1);

    /// <summary>The counts in Prometheus' text format.</summary>
    public string Text()
    {
        StringBuilder text = new("# HELP cloister_broker_answers_total Answers by route and result.\n# TYPE cloister_broker_answers_total counter\n");
        foreach (((string route, string result), long count) in _answers.OrderBy(one => one.Key))
        {
            text.Append(CultureInfo.InvariantCulture, $"cloister_broker_answers_total{{route=\"{route}\",result=\"{result}\"}} {count}\n");
        }

        return text.ToString();
    }
}
