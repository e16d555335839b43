// One connection of an ExchangeTracker: its two streams, and the pairing of what is in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "capture/exchange.h"
#include "capture/fifo.h"
#include "capture/http_stream.h"
#include "capture/pending.h"
#include "capture/pipeline.h"
#include "capture/response_body.h"
#include "capture/tls_connection.h"
#include "capture/tls_spotter.h"
#include "wire/message.h"

namespace compactor::capture {

class Exchange final : public StreamReader, private HttpStreamEvents, private TlsText {
 public:
  Exchange(ExchangeTracker& tracker, const ConnectionInfo& connection);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void on_data(Side sender, std::string_view bytes, const Stamp& stamp) override;
  void on_gap(Side sender, std::uint64_t bytes, Time time) override;
  void on_end(Side sender, Time time) override;
  void on_close(const Ending& ending, Time time) override;
  void sum_up(ConnectionReport& report) const override;

  /// Time has passed. False when it makes no difference any longer.
  bool on_time(Time now);
  /// When the first message began that waits for its answer untold.
  std::optional<Time> first_untold() const;
  /// What this side is saying is not kept, for want of room.
  void give_up_unfinished(Side side);

 private:
  /// The response that is being read.
  struct Incoming {
    Answer answer;              // what is known of it
    Request request;            // that it answers, without its body, if its events are told
    std::uint64_t records = 0;  // events told so far
    bool streams = false;       // it is a stream of events

    /// Of its texts.
    std::size_t memory() const {
      return request.text.size() + answer.type.size() + answer.stream_id.size();
    }
    void clear_texts() {
      request.clear_texts();
      answer.type = answer.stream_id = {};
    }
  };

  HttpStream& stream(Side side) { return streams_[index(side)]; }
  Side client() const { return connection_.client.value_or(Side::a); }
  bool is_server(Side side) const { return connection_.client == other(side); }
  ExchangeLedger& ledger() { return tracker_.ledger_; }
  const ExchangeOptions& options() const { return tracker_.options_; }
  void account_unfinished(Side side);
  std::size_t unfinished(Side side);
  void read(Side sender, std::string_view bytes, const Stamp& stamp);
  void wait_for_time() { tracker_.waiting_.try_emplace(connection_.number, this); }

  void on_request(const wire::HttpMessage& http, const Place& place) override;
  void on_response(const wire::HttpMessage& response, const Place& place) override;
  void on_passed_over(std::uint64_t bytes) override {
    passed_over_ += bytes;
    ledger().passed_over_bytes += bytes;
  }
  void on_kind(const HttpStream& found, wire::Kind kind) override;
  bool answers_head() override;
  bool wants_head() override;
  bool on_head(const wire::HttpMessage& head, Time begin_time) override;
  void on_body(std::string_view piece, Time time) override;
  void on_missing(std::uint64_t bytes) override;
  void on_chunk(std::uint64_t size) override;
  void on_join(const HttpStream& stream) override;
  void on_rest(std::uint64_t bytes, bool cut) override;

  Request new_request(const wire::HttpMessage& http, const Place& place);
  void read_message(Request& request, const wire::HttpMessage& http, const wire::MessageHead& head,
                    std::uint64_t bytes);
  bool note_sender(std::string_view sender);
  void read_http(Request& request, const wire::HttpMessage& http, std::uint64_t bytes);
  Range answers_unseen(const Place& place) const;
  bool is_rest_of_cut();
  void end_response(bool cut);

  const Asked* answered() const;
  const Asked& oldest() const { return told_.empty() ? untold_.front().asked : told_.front(); }
  Asked& oldest() { return told_.empty() ? untold_.front().asked : told_.front(); }
  void match();
  void pair();
  void pop_request();
  void lose_request(bool uncertain);
  void lose_answer();

  // exchange_tls.cc
  bool speaks_tls(Side side) const {
    return tls_ && spotter_.speech(side) == TlsSpotter::Speech::tls;
  }
  void on_first_data(Side sender, std::string_view bytes, const Stamp& stamp);
  void miss_first_data(Side sender);
  void take(Side sender, std::string_view bytes, const Stamp& stamp);
  void begin_tls(Side sender, std::string_view bytes);
  void begin_with_hello(Side sender);
  void finish_late();
  void on_text(Side sender, std::string_view text, const Stamp& stamp) override;
  void on_hidden(Side sender) override;
  /// There may be answers that are not seen as such: inside TLS, or behind what is no HTTP.
  bool are_answers_hidden() const {
    const std::size_t server = index(other(client()));
    return hidden_[server] || streams_[server].gave_up();
  }
  void tell_tls();
  bool tell_old_tls(Time now);

  // exchange_telling.cc
  Unanswered unanswered() const;
  Seen seen(const Asked& asked, const Answer* answer) const;
  Seen seen(const Request& request, const Answer* answer) const;
  void tell(Request& request, const Answer* answer, bool uncertain = false);
  void tell_message(Request& request, const Seen& seen);
  void tell_http(Request& request, const Answer* answer, const Seen& seen);
  void tell_answer(const Answer& answer);
  void tell_record(const Record& record);
  bool tell_older_than(Time latest);
  void settle_told();
  void release(Request& request);
  void keep_bounds();

  ExchangeTracker& tracker_;
  ConnectionInfo connection_;
  std::array<HttpStream, 2> streams_;
  std::array<ExchangeTracker::Unfinished::Place, 2> unfinished_;
  TlsSpotter spotter_;
  std::unique_ptr<TlsConnection> tls_;  // null: it does not speak TLS, as far as is known
  std::array<bool, 2> hidden_{};        // what this side says is, from somewhere on
  std::array<bool, 2> ends_later_{};    // it has ended, and not all before that is opened
  bool told_tls_ = false;
  Time began_tls_{};
  std::uint64_t passed_over_ = 0;
  Pipeline pipeline_;
  Fifo<Asked> told_;      // the oldest requests, of which no more is needed
  Fifo<Request> untold_;  // the others
  Fifo<Answer> answers_;  // not yet paired
  std::optional<ResponseBody> body_;
  Incoming incoming_;            // that body_ is of
  std::optional<Incoming> cut_;  // the response that a hole has cut, which may go on behind it
  std::uint64_t next_seq_ = 1;
  std::uint64_t messages_ = 0;
  std::string sender_;             // of the first
  bool wrong_sender_ = false;      // one has an address that is not the client's
  std::optional<Side> first_end_;  // whose FIN came first
  std::optional<Ending> ending_;
  std::size_t waiting_ = 0;           // messages in untold_ that have not been told
  bool interim_is_possible_ = false;  // a request said Expect
  Time last_data_{};
};

}  // namespace compactor::capture
